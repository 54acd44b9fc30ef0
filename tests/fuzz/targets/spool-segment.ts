import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpoolReader, segmentPath } from 'tailrace/spool';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

/**
 * A segment file of a spool, and the file of its cursor, with anything in them (the part before the first NUL byte is the
 * cursor's): every line of the segment from the cursor on comes out once, whole, or is reported as unreadable; and the
 * reader comes to an end.
 */
export const spoolSegment: FuzzTarget = {
  name: 'spool-segment',
  inputs: bytesLike(
    [
      '{"segment":1,"offset":',
      '0}',
      '\u0000',
      '{"a":1}\n',
      '{"a":"',
      '\n',
      '\n\n',
      '[1]\n',
      'null\n',
      '{"schema":"tailrace/ledger/v1"}\n',
      '\u0000\u0000\n',
    ],
    [
      '{"segment":1,"offset":0}\u0000{"a":1}\n{"b":2}\n',
      '{"segment":1,"offset":8}\u0000{"a":1}\n{"b":2}\n{"c',
      '\u0000{"a":1}\nnot json\n{"b":2}\n',
    ],
  ),
  async check(input) {
    const folder = await mkdtemp(join(tmpdir(), 'tailrace-fuzz-'));
    try {
      const end = input.indexOf(0);
      const cursor = input.subarray(0, Math.max(0, end));
      const segment = input.subarray(end + 1);
      await mkdir(join(folder, 'cursors'));
      await writeFile(join(folder, 'cursors', 'fuzz.json'), cursor);
      await writeFile(segmentPath(folder, 1), segment);
      await readAll(folder, segment);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function readAll(folder: string, segment: Buffer): Promise<void> {
  const reader = await openSpoolReader({ directory: folder, cursor: 'fuzz', isEnded: true, cursorIntervalMs: 0 });
  const start = reader.cursor();
  holds(
    start.segment === 1 ? start.offset <= segment.length : true,
    `a cursor at ${start.offset} of ${segment.length}`,
  );
  const lines: string[] = [];
  let unreadable = 0;
  try {
    for (let rounds = 0; ; rounds += 1) {
      holds(rounds <= segment.length + 1, 'the reader comes to an end');
      const batch = await reader.read({ maxLines: 3, maxBytes: 64 });
      if (batch === undefined) break;
      lines.push(...batch.lines.map((line) => line.toString('latin1')));
      unreadable += batch.unreadable.length;
      await reader.commit(batch.to);
    }
  } finally {
    await reader.close();
  }
  const from = start.segment === 1 ? start.offset : segment.length;
  const expected = segment.subarray(from).toString('latin1').split('\n');
  // Without its line feed the last line may be the start of a longer one, whatever it says.
  const torn = expected.pop() === '' ? 0 : 1;
  const written = expected.filter((line) => line !== '');
  const readable = written.filter(isObject);
  holds(JSON.stringify(lines) === JSON.stringify(readable), `${lines.length} lines came out of ${readable.length}`);
  holds(
    lines.length + unreadable === written.length + torn,
    `${unreadable} lines were reported as unreadable, of ${written.length + torn}`,
  );
}

/** Lines that were written begin with their brace: what begins with a blank was not. */
function isObject(line: string): boolean {
  if (!line.startsWith('{')) return false;
  try {
    const value: unknown = JSON.parse(Buffer.from(line, 'latin1').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
