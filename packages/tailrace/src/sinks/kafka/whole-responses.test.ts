import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { connectForWholeResponses, WholeResponses } from './whole-responses.ts';

function framed(text: string): Buffer {
  const body = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** The answers in what was handed over, which must end with one. */
function answersIn(bytes: Buffer): string[] {
  const answers: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at);
    expect(end).toBeLessThanOrEqual(bytes.length);
    answers.push(bytes.subarray(at + 4, end).toString());
    at = end;
  }
  return answers;
}

test('however the network cuts answers into pieces, each comes whole, once, in order, and as soon as it is there', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
      (texts, sizes) => {
        const bytes = Buffer.concat(texts.map(framed));
        const ends = texts.map((_, i) => Buffer.concat(texts.slice(0, i + 1).map(framed)).length);
        const responses = new WholeResponses();
        const found: string[] = [];
        for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
          const next = at + (sizes[piece % sizes.length] ?? 1);
          found.push(...answersIn(responses.take(bytes.subarray(at, next)) ?? Buffer.alloc(0)));
          at = Math.min(next, bytes.length);
          expect(found).toHaveLength(ends.filter((end) => end <= at).length);
        }
        expect(found).toEqual(texts);
      },
    ),
  );
});

test('an answer that broke off is gone with its connection', async () => {
  const [first, second] = await twoConnections([framed('the first one').subarray(0, 9), framed('the second one')]);
  expect(first.answers).toEqual([]);
  expect(second.answers).toEqual(['the second one']);
});

test('what is no Kafka ends the connection with an error that says so', async () => {
  const [first] = await twoConnections([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), framed('')]);
  expect(first.error).toMatch(/is not Kafka/);
});

test('a listener that throws ends its connection, and nothing else', async () => {
  const [first] = await twoConnections([framed('anything'), framed('')], () => {
    throw new RangeError('out of bounds');
  });
  expect(first.error).toBe('out of bounds');
});

interface Connection {
  readonly answers: readonly string[];
  readonly error: string | undefined;
}

/** A server that says one thing on each connection, and ends it. */
async function twoConnections(
  says: readonly [Buffer, Buffer],
  onAnswer: () => void = () => {},
): Promise<[Connection, Connection]> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(says[sockets.push(socket) - 1] ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return [await listen(port, onAnswer), await listen(port, onAnswer)];
}

async function listen(port: number, onAnswer: () => void): Promise<Connection> {
  const answers: string[] = [];
  let error: string | undefined;
  // Without TLS the client passes what it was told: nothing, though its types say otherwise.
  const socket = Reflect.apply(connectForWholeResponses, undefined, [
    { host: '127.0.0.1', port, ssl: undefined, onConnect: () => {} },
  ]);
  socket.on('data', (bytes: Buffer) => {
    onAnswer();
    answers.push(...answersIn(bytes));
  });
  socket.on('error', (reason: Error) => {
    error = reason.message;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return { answers, error };
}
