/** A route for crash tests: reads batches, writes down on stdout what it read, commits. `argv`: folder, cursor. */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSpoolReader } from 'tailrace/spool';

const reader = await openSpoolReader({
  directory: process.argv[2] ?? '',
  cursor: process.argv[3] ?? '',
  cursorIntervalMs: 20,
  onNotice: (notice) => writeSync(2, `${notice.code}\n`),
});
for (;;) {
  const batch = await reader.read({ maxLines: 50, maxBytes: 16_384 });
  if (batch === undefined) {
    await sleep(5);
    continue;
  }
  for (const piece of batch.unreadable) writeSync(2, `unreadable ${piece.reason}\n`);
  writeSync(1, batch.lines.map((line) => `${JSON.parse(line.toString()).n}\n`).join(''));
  await reader.commit(batch.to);
}
