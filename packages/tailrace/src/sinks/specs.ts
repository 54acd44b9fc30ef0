/**
 * The sinks of the package as an application names them: data only. What does the work is loaded where it is made, in the
 * delivery worker, so that the application's start doesn't pay for it.
 */
import { resolve } from 'node:path';
import type { SinkSpec } from '../delivery/types.ts';

export interface ConsoleSinkOptions {
  /** `pretty` for people, `json` for programs. @defaultValue `pretty` in a terminal, else `json` */
  readonly format?: 'pretty' | 'json';
  /** @defaultValue true in a terminal, unless `NO_COLOR` is set; `FORCE_COLOR` colours elsewhere too */
  readonly colour?: boolean;
  /** Where to write: 1 is standard output, 2 standard error. @defaultValue 1 */
  readonly fd?: 1 | 2;
}

/**
 * Prints events. The worker thread writes to the file descriptor itself, so a slow terminal or a full pipe delays no
 * request.
 */
export function consoleSink(options: ConsoleSinkOptions = {}): SinkSpec {
  return { kind: 'builtin', name: 'console', options };
}

export interface FileSinkOptions {
  /** The active file; its folder is made if it isn't there. */
  readonly path: string;
  /** A file that reached this size, in bytes, is rotated. @defaultValue 64 MiB */
  readonly maxBytes?: number;
  /** A file that is older than this, in milliseconds, is rotated before the next write. @defaultValue one day */
  readonly maxAgeMs?: number;
  /** Rotated files that are kept. @defaultValue 14 */
  readonly maxFiles?: number;
  /** Compress rotated files. @defaultValue true */
  readonly gzip?: boolean;
  /** Force each batch to the device before it counts as delivered. @defaultValue false */
  readonly fsync?: boolean;
  /** Names the sink in metrics and messages. @defaultValue `file` */
  readonly name?: string;
}

/** Writes events to a file, with rotation by size and age. */
export function fileSink(options: FileSinkOptions): SinkSpec {
  return { kind: 'builtin', name: 'file', options: { ...options, path: resolve(options.path) } };
}

export interface TailraceSinkOptions {
  /** Address of the server, without the path: `http://127.0.0.1:7300`. */
  readonly url: string;
  /** The server's ingest key, sent as `Authorization: Bearer`. */
  readonly key?: string;
  /** Bodies from this size on are compressed, in bytes. @defaultValue 1024 */
  readonly gzipFromBytes?: number;
  /** Names the sink in metrics and messages. @defaultValue `tailrace` */
  readonly name?: string;
}

/**
 * Sends events to a Tailrace server.
 *
 * @example
 * ```ts
 * createTailrace({ routes: [{ name: 'tailrace', sinks: [tailraceSink({ url: 'http://127.0.0.1:7300' })] }] });
 * ```
 */
export function tailraceSink(options: TailraceSinkOptions): SinkSpec {
  return { kind: 'builtin', name: 'tailrace', options };
}
