/** What a crash or a bad disk can leave in the spool of a producer that is dead: only bytes that nobody was promised. */
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEventId } from 'tailrace/event';

/**
 * Spoils the end of the last segment: cuts a last line that was not promised, or adds half a line, a line that is no
 * JSON, or zeros, as a power cut leaves them.
 *
 * @param draw - in [0, 1): which of these
 * @returns what was done; undefined where the spool has no segment any more.
 */
export function tearTail(directory: string, promised: ReadonlySet<number>, draw: number): string | undefined {
  const segment = lastSegment(directory);
  if (segment === undefined) return undefined;
  const bytes = readFileSync(segment);
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) return 'it was torn already';
  const lastLine = bytes.subarray(bytes.lastIndexOf(10, end - 2) + 1, end).toString();
  const id = /"event_id":"([^"]+)"/.exec(lastLine)?.[1];
  const sequence = id === undefined ? undefined : parseEventId(id)?.sequence;
  if (sequence !== undefined && !promised.has(sequence)) {
    truncateSync(segment, end - Math.ceil(lastLine.length / 2));
    return 'a line that was not promised was cut in half';
  }
  const [what, garbage] = pick(
    [
      ['half a line', Buffer.from('{"schema":"tailrace/event/v1","event_id":"torn')],
      ['a line that is no JSON', Buffer.from('\u0007\u0000\u00ff not json at all\n')],
      ['zeros', Buffer.alloc(4_096)],
      ['a line with zeros in it', Buffer.concat([Buffer.from('{"a":'), Buffer.alloc(100), Buffer.from('}\n')])],
    ],
    draw,
  );
  // A spool that is drained and removed at this very moment comes to no harm: then there is nothing to append to.
  if (!existsSync(segment)) return undefined;
  appendFileSync(segment, garbage);
  return `${what} was added`;
}

/** Makes the places of its routes unreadable, or lets them point nowhere. @returns how many there were */
export function spoilCursors(directory: string, draw: number): number {
  const folder = join(directory, 'cursors');
  if (!existsSync(folder)) return 0;
  const [text] = pick([['{"segment":'], ['{"segment":99999999,"offset":1}'], [''], ['\u0000\u0000\u0000']], draw);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  for (const name of names) writeFileSync(join(folder, name), text);
  return names.length;
}

function lastSegment(directory: string): string | undefined {
  if (!existsSync(directory)) return undefined;
  const name = readdirSync(directory)
    .filter((file) => file.endsWith('.ndjson'))
    .sort()
    .at(-1);
  return name === undefined ? undefined : join(directory, name);
}

function pick<T>(values: readonly [T, ...T[]], draw: number): T {
  return values[Math.floor(draw * values.length)] ?? values[0];
}
