import { expect, test } from 'vitest';
import { eventLine, eventually, startServer } from '../tests/test-server.ts';

const P = '0mb1x9k3fqz7a';

test('an event that was posted is found by search, as it was sent, and only once', async () => {
  const server = await startServer();
  const lines = [1, 2, 3].map((n) => eventLine(P, n, { message: `payment ${n}`, status: 200 + n }));

  const first = await server.post(lines.join('\n'));
  expect(first).toMatchObject({ status: 200, body: { accepted: 3, duplicates: 0, refused: [] } });
  const again = await server.post(`${lines.join('\n')}\n`);
  expect(again.body).toEqual({ accepted: 0, duplicates: 3, refused: [] });

  const found = await eventually(
    () => server.get('/v1/events?q=status:202'),
    ({ body }) => (body as { events: unknown[] }).events.length > 0,
  );
  expect(found.body).toMatchObject({ events: [{ event_id: `${P}-2`, message: 'payment 2' }], cursor: null });
  await server.close();
  const parsed = (line: string): unknown => JSON.parse(line);
  expect(server.disk.lines.map(({ line }) => parsed(line))).toEqual(lines.map(parsed));
});

test('of two posts of the same events at the same time exactly one is accepted', async () => {
  const server = await startServer();
  const body = Array.from({ length: 200 }, (_, i) => eventLine(P, i + 1)).join('\n');
  const answers = await Promise.all(Array.from({ length: 8 }, () => server.post(body)));
  const sums = answers.map(({ body }) => body as { accepted: number; duplicates: number });
  expect(sums.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(200);
  expect(sums.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(1400);
  await server.close();
  expect(server.disk.lines).toHaveLength(200);
});
