/** A producer whose folder can't be made: fills its memory with normal lines, then with urgent ones, and says what it lost. */
import { openSpool } from 'tailrace/spool';

const dropped: number[] = [];
const codes: string[] = [];
const spool = openSpool({
  directory: process.argv[2] ?? '',
  memoryBytes: 100_000,
  onNotice: (notice) => codes.push(notice.code),
  onDrop: (sequence) => dropped.push(sequence),
});
for (let n = 1; n <= 160; n += 1) {
  spool.append(JSON.stringify({ n: String(n).padStart(3), pad: 'x'.repeat(976) }), n, n > 100);
}
const { stage } = spool.stats();
process.stdout.write(JSON.stringify({ dropped, codes, stage }));
spool.close();
