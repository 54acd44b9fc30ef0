/**
 * A producer for crash tests: appends ten numbered lines a turn, and writes down on stdout each number that it was told is
 * written. `argv`: folder, number of lines (0 for no end), first number.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { openSpool, type SpoolWriteMessage } from 'tailrace/spool';

const directory = process.argv[2] ?? '';
const last = Number(process.argv[3] ?? 0);

subscribe('tailrace:spool:write', (message) => {
  writeSync(1, `${(message as SpoolWriteMessage).sequences.join('\n')}\n`);
});

const spool = openSpool({
  directory,
  segmentBytes: 20_000,
  fsync: 50,
  onNotice: (notice) => writeSync(2, `${notice.code}\n`),
  onDrop: (sequence, reason) => writeSync(2, `drop ${sequence} ${reason}\n`),
});
let n = Number(process.argv[4] ?? 1) - 1;

function appendSome(): void {
  for (let i = 0; i < 10; i += 1) {
    if (last > 0 && n >= last) {
      spool.close();
      return;
    }
    n += 1;
    spool.append(JSON.stringify({ n, pad: '일'.repeat(n % 100) }), n, n % 13 === 0);
  }
  setTimeout(appendSome, 1);
}
appendSome();
