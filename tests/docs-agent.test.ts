/** What the agent's page says, held against the agent: its commands, its keys, its metrics. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { loadAgentConfig } from '../packages/server/src/agent/agent-config.ts';
import { CONFIG_KEYS, INPUT_KEYS } from '../packages/server/src/agent/agent-settings.ts';
import { type AgentStatus, serveMetrics } from '../packages/server/src/agent/status.ts';
import { createShell, type Shell } from './documented-commands.ts';
import { readPage } from './documented-server.ts';

const page = await readPage('docs/agent.md');

describe('docs/agent.md', () => {
  let folder: string;
  let shell: Shell;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tailrace-docs-agent-'));
    shell = await createShell({ directory: folder, url: 'http://127.0.0.1:9' });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has commands that do what it says, one after the other', async () => {
    const commands = page.blocks.filter(({ info }) => info === 'sh');
    expect(commands.length).toBeGreaterThan(1);
    for (const { text, place } of commands) {
      const { exitCode, stdout, stderr } = await shell.run(text);
      expect(exitCode, `${place}: ${stderr}`).toBe(0);
      const next = page.blocks[page.blocks.findIndex((block) => block.place === place) + 1];
      if (next?.info === 'text') expect(stdout.trimEnd()).toBe(next.text);
    }
  }, 120_000);

  it('has a configuration that is valid', () => {
    const yaml = page.blocks.find(({ info }) => info === 'yaml')?.text ?? '';
    const config = loadAgentConfig({}, parseYaml(yaml), {}, '/');
    expect(config.inputs.map(({ name }) => name)).toEqual(['shop', 'pods', 'legacy']);
    const path = `/var/log/containers/pay-1_shop_payments-${'0'.repeat(64)}.log`;
    expect({ ...config.inputs[1]?.pathPattern?.exec(path)?.groups }).toEqual({
      k8s__pod: 'pay-1',
      k8s__namespace: 'shop',
      service: 'payments',
    });
  });

  it('names every key', () => {
    for (const key of [...CONFIG_KEYS, ...INPUT_KEYS]) expect(page.text).toContain(`\`${key}\``);
  });

  it('has the metrics as they are', async () => {
    const metrics = await serveMetrics(0, '127.0.0.1', () => Promise.resolve(STATUS));
    try {
      const given = await (await fetch(`${metrics.url}/metrics`)).text();
      const lines = [...given.matchAll(/^# HELP (tailrace_\S+) (.*)$/gm)].map(([, name, help]) => `${name} ${help}`);
      const written = [...page.text.matchAll(/^\| `(tailrace_\S+)` \| (.*) \|$/gm)].map(
        ([, name, help]) => `${name} ${help}`,
      );
      expect(written.sort()).toEqual(lines.sort());
      expect(given).toContain('tailrace_agent_entries_total 3');
    } finally {
      await metrics.close();
    }
  });
});

const STATUS: AgentStatus = {
  version: 1,
  pid: 1,
  startedMs: 0,
  writtenMs: 0,
  intervalMs: 1,
  isEnded: false,
  files: { live: 1, rotated: 0, sought: 0, done: 0 },
  unreadBytes: 0,
  unreadable: [],
  counts: { entries: 3, events: 3, sampledOut: 0, bytes: 30, lostBytes: 0, lostFiles: 0, replaced: 0 },
  isBlocked: false,
  spool: { bytes: 0, segments: 1 },
  delivery: [],
};
