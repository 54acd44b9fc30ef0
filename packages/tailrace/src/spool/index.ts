/**
 * The spool: append-only segment files on local disk, one JSON event a line, with cursors. It is the queue between an
 * application and its routes, and the queue of the Tailrace server.
 *
 * What it must hold to. An appended line survives the death of its process; appending is synchronous, cheap, and never
 * throws; space is bounded on disk and in memory; readers live in other threads or processes and may die at any time; and
 * whatever is lost is counted with its reason.
 *
 * On disk, one folder a producer (one boot of one process):
 *
 *     lock.json               who owns the folder: pid, start of the process, boot, host
 *     00000001.ndjson …       segments, each a plain NDJSON file; only the last is written to
 *     cursors/<route>.json    {"segment":3,"offset":4096}: everything before it is delivered, dead or counted as dropped
 *
 * The life of a line. `append` copies it behind the other lines of this turn of the event loop; at the end of the turn, or
 * at once for an urgent line, one `write` takes them all. `fsync` decides when they are forced to the device. A segment
 * that would grow too large is left for a new file with the next number; that a later file is there is what tells readers
 * that the earlier one never changes again, so nothing is ever written to it afterwards. A reader takes whole lines only,
 * up to the last line feed, and goes on to the next segment when it has passed the end of a sealed one. When the routes
 * have done with a batch the cursor moves; its file is replaced atomically, a few times a second at most; then segments
 * that all cursor files in the folder have passed are unlinked. Lines may so come twice after a crash, and never not at all.
 *
 * What happens when it breaks.
 * - The process dies: what was written is in the file. A line torn in its middle ends the last segment and is reported as
 *   unreadable by whoever adopts the folder. A writer never appends to a file of an earlier life: it begins a new one.
 * - A write fails half-way (full disk): the torn end is cut, or else the file is left; whole lines stay, and the others go to
 *   memory. While the disk takes nothing, memory is the next stage, and normal lines make room for urgent ones; when
 *   memory is full too, lines are dropped, told one by one to `onDrop`, and stderr gets one summary every ten seconds. The
 *   way back is tried each second, and when lines come.
 * - The segments are at their bound: normal lines are dropped, a reserve is left for urgent ones; freed segments are seen.
 * - The power fails: what wasn't forced may be missing, torn or full of NULs. Lines that can't be read are reported with
 *   place and reason, and the rest is still read. A cursor that fits nowhere starts again at the oldest line.
 * - A cursor can't be written since the spool fills the disk: it is written in place, so that segments can be freed.
 */
export { listCursors, registerCursors, retireCursor } from './cursor.ts';
export { type ClaimOptions, type ClaimOutcome, claimSpool, type SpoolClaim } from './lock.ts';
export { makeFolder, makeSpoolFolder } from './make-folder.ts';
export { type MemorySpool, type MemorySpoolOptions, openMemorySpool } from './memory.ts';
export { addLastSegment, findOrphans, isSpoolDrained, removeSpool } from './orphans.ts';
export { comparePositions, formatPosition, type Position, parsePosition, SPOOL_START } from './position.ts';
export { openSpoolReader } from './reader.ts';
export { listSegmentsSync, MAX_LINE_BYTES, segmentPath } from './segment.ts';
export type * from './types.ts';
export { openSpool } from './writer.ts';
