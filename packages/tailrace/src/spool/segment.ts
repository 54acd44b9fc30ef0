import { readdirSync, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** One segment file, as found on disk. */
export interface SegmentInfo {
  readonly segment: number;
  readonly bytes: number;
}

/** No line is longer than this, line feed not counted: longer ones are refused at writing and skipped at reading. */
export const MAX_LINE_BYTES = 1024 * 1024;

export const LINE_FEED = 10;

/** Events are for the application's user only: nobody else may read them. Systems without modes ignore these. */
export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

const SEGMENT_NAME = /^(\d{8,15})\.ndjson$/;

export function segmentPath(directory: string, segment: number): string {
  return join(directory, `${String(segment).padStart(8, '0')}.ndjson`);
}

function segmentNumbers(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const number = Number(SEGMENT_NAME.exec(name)?.[1] ?? 0);
    if (number > 0) numbers.push(number);
  }
  return numbers.sort((a, b) => a - b);
}

/** The numbers of the segments in a folder, ascending; none where the folder isn't there. */
export async function listSegmentNumbers(directory: string): Promise<number[]> {
  try {
    return segmentNumbers(await readdir(directory));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

export async function listSegments(directory: string): Promise<SegmentInfo[]> {
  const segments: SegmentInfo[] = [];
  for (const segment of await listSegmentNumbers(directory)) {
    try {
      segments.push({ segment, bytes: (await stat(segmentPath(directory, segment))).size });
    } catch (error) {
      // A reader may free the segment between the listing and the question for its size.
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
  return segments;
}

export function listSegmentsSync(directory: string): SegmentInfo[] {
  const segments: SegmentInfo[] = [];
  for (const segment of segmentNumbers(readdirSync(directory))) {
    const found = statSync(segmentPath(directory, segment), { throwIfNoEntry: false });
    if (found !== undefined) segments.push({ segment, bytes: found.size });
  }
  return segments;
}

/** True where `error` came from the system with this code, as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return errorCode(error) === code;
}

/** The system's code of an error, or else its message. */
export function errorCode(error: unknown): string {
  if (error instanceof Error) return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return String(error);
}
