/**
 * The index beside a segment: `<id>.index` next to `<id>.parquet`, with what texts its events can hold (text-index.ts). It
 * is written and synced before the manifest names the segment, which says how long it is; it goes when the segment goes. It only ever says
 * what needn't be read: where it is missing or broken, everything is read.
 *
 * On disk: one line of JSON with the format and the SHA-256 of the rest, then the rest, deflated.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { removeFile, syncFile } from './durable-files.ts';
import type { Segment } from './manifest.ts';
import { INDEX_BITS, TextIndex } from './text-index.ts';

const FORMAT = 'tailrace/index/v1';
/** Of what was read of indexes. */
const MAX_CACHED = 512;
const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** Where the index of a segment is, from the same folder as the segment's path. */
export function indexPath(segmentPath: string): string {
  return segmentPath.replace(/\.parquet$/, '.index');
}

/** Removes the files of a segment. */
export async function removeSegment(directory: string, { path }: Pick<Segment, 'path'>): Promise<void> {
  await removeFile(join(directory, indexPath(path)));
  await removeFile(join(directory, path));
}

/** @returns its bytes on disk */
export async function writeIndex(path: string, temporaryPath: string, texts: TextIndex): Promise<number> {
  const body = await compress(texts.bytes, { level: 1 });
  const head = `${JSON.stringify({ format: FORMAT, sha256: digest(body) })}\n`;
  const content = Buffer.concat([Buffer.from(head), body]);
  try {
    await writeFile(temporaryPath, content);
    await syncFile(temporaryPath);
    await rename(temporaryPath, path);
  } catch (error) {
    await removeFile(temporaryPath);
    throw error;
  }
  return content.length;
}

/** The indexes of segments, those that were read last kept in memory. */
export class SegmentIndexes {
  readonly #directory: string;
  readonly #cached = new Map<string, TextIndex>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** `undefined` where there is none that can be read. */
  async textsOf({ path, indexBytes }: Segment): Promise<TextIndex | undefined> {
    if (indexBytes === undefined) return undefined;
    const cached = this.#cached.get(path);
    this.#cached.delete(path);
    const texts = cached ?? (await readIndex(join(this.#directory, indexPath(path))));
    if (texts === undefined) return undefined;
    this.#cached.set(path, texts);
    for (const [oldest] of this.#cached) {
      if (this.#cached.size <= MAX_CACHED) break;
      this.#cached.delete(oldest);
    }
    return texts;
  }

  /** The index of all events of these segments; `undefined` where one of them has none. */
  async unionOf(segments: readonly Segment[]): Promise<TextIndex | undefined> {
    const found: TextIndex[] = [];
    for (const segment of segments) {
      const texts = await this.textsOf(segment);
      if (texts === undefined) return undefined;
      found.push(texts);
    }
    return TextIndex.union(found);
  }
}

async function readIndex(path: string): Promise<TextIndex | undefined> {
  try {
    const content = await readFile(path);
    const end = content.indexOf('\n');
    const head: unknown = JSON.parse(content.subarray(0, end).toString());
    const body = content.subarray(end + 1);
    if (typeof head !== 'object' || head === null || !('format' in head) || head.format !== FORMAT) return undefined;
    if (!('sha256' in head) || head.sha256 !== digest(body)) return undefined;
    return TextIndex.fromBytes(await decompress(body, { maxOutputLength: INDEX_BITS }));
  } catch {
    return undefined;
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
