import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { SOURCE_ARGS } from '../../../../tests/processes.ts';
import { formatPretty } from './console-format.ts';

const EVENT = {
  timestamp: '2026-11-21T09:32:00.123Z',
  level: 'error',
  service: 'gateway',
  method: 'POST',
  route: '/payments',
  status: 500,
  duration_ms: 2001.5,
  'error.code': 'GATEWAY_TIMEOUT',
  message: 'no answer\u001b[2J',
};

/** Runs the sink in a process of its own, which sends as one batch the lines it is given; the outcome stands on stderr. */
function run(options: object = {}, env: Record<string, string> = {}) {
  const code = `
    const { createSink } = await import(${JSON.stringify(new URL('./console.ts', import.meta.url).href)});
    const { toBatch } = await import(${JSON.stringify(new URL('../delivery/sink.ts', import.meta.url).href)});
    const sink = createSink(${JSON.stringify(options)});
    let text = '';
    for await (const chunk of process.stdin) text += chunk;
    const lines = text.split('\\n').slice(0, -1).map((line) => Buffer.from(line));
    const outcome = await sink.send(toBatch(lines), new AbortController().signal);
    process.stderr.write(JSON.stringify(outcome));
    process.exit();`;
  const args = [...SOURCE_ARGS, '--input-type=module', '-e', code];
  return spawn(process.execPath, args, { env: { ...process.env, ...env } });
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

test('prints JSON lines where nobody looks, all of them through a pipe that is full', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => JSON.stringify({ index, filler: 'x'.repeat(200) }));
  const child = run();
  child.stdin.end(`${lines.join('\n')}\n`);
  expect(await textOf(child.stdout)).toBe(`${lines.join('\n')}\n`);
});

test('a reader that goes away is survived, and the lines are refused', async () => {
  const child = run();
  child.stdout.destroy();
  const errors = textOf(child.stderr);
  child.stdin.end(`${JSON.stringify(EVENT)}\n`);
  const [code] = await once(child, 'close');
  expect(await errors).toContain('"kind":"refused","reason":"standard output is closed (EPIPE)"');
  expect(code).toBe(0);
});

test('NO_COLOR wins over a wish for colour from the environment', async () => {
  for (const [env, isColoured] of [
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    [{ NO_COLOR: '', FORCE_COLOR: '1' }, true],
  ] as const) {
    const child = run({ format: 'pretty' }, env);
    child.stdin.end(`${JSON.stringify(EVENT)}\n`);
    expect((await textOf(child.stdout)).includes('\u001b[')).toBe(isColoured);
  }
});

test('a line for people tells what happened, and an event can not steer their terminal', () => {
  const text = formatPretty([Buffer.from(JSON.stringify(EVENT))], false);
  expect(text).toBe(
    '09:32:00.123 ERROR gateway POST /payments 500 2001.5ms no answer\ufffd[2J error.code=GATEWAY_TIMEOUT\n',
  );
  expect(formatPretty([Buffer.from('not JSON'), Buffer.from('[1]')], true)).toContain('not JSON\n');
});
