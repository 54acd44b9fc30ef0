/**
 * A request's body → its bytes, whatever was sent: bounded as it arrives, bounded again once unpacked, and bounded over
 * all requests together, so that no body and no number of bodies can take the server's memory.
 */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { HttpError } from '../api/http-error.ts';

const unzip = promisify(gunzip);

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxUnzippedBytes: number;
  readonly maxBodiesInMemoryBytes: number;
}

/** Bytes of bodies that are in memory now. */
export class BodyMemory {
  #used = 0;
  readonly #max: () => number;

  constructor(maxBytes: () => number) {
    this.#max = maxBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** @throws HttpError 503 when it is full. */
  take(bytes: number): void {
    if (this.#used + bytes > this.#max()) {
      throw new HttpError(503, 'TOO_BUSY', 'too many bodies are being read at once; try again', {
        retryAfterSeconds: 1,
      });
    }
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/**
 * Reads a body to its end, unpacks it, and hands it to `use`; its memory is accounted for until `use` has ended.
 *
 * @throws HttpError 413, 415, 400 or 503.
 */
export async function withBody<T>(
  request: IncomingMessage,
  limits: BodyLimits,
  memory: BodyMemory,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new HttpError(
      415,
      'ENCODING_UNSUPPORTED',
      `Content-Encoding ${JSON.stringify(encoding)} is not accepted: send gzip, or none`,
    );
  }
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes);
  let taken = 0;
  const take = (bytes: number): void => {
    memory.take(bytes);
    taken += bytes;
  };
  try {
    const sent = await readAll(request, limits.maxBodyBytes, take);
    const isGzip = sent[0] === 0x1f && sent[1] === 0x8b;
    if (encoding === 'identity') {
      if (isGzip) throw new HttpError(400, 'BODY_IS_GZIP', 'the body is gzip: say so with Content-Encoding: gzip');
      return await use(sent);
    }
    if (!isGzip) throw new HttpError(400, 'BODY_NOT_GZIP', 'Content-Encoding says gzip, and the body is not');
    return await use(await unpack(sent, limits.maxUnzippedBytes, take));
  } finally {
    memory.give(taken);
  }
}

async function readAll(request: IncomingMessage, maxBytes: number, take: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'BODY_CUT_SHORT', 'the body ended before its end');
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

async function unpack(sent: Buffer, maxBytes: number, take: (bytes: number) => void): Promise<Buffer> {
  let body: Buffer;
  try {
    body = await unzip(sent, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError || codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpError(
        413,
        'UNZIPPED_TOO_LARGE',
        `the unpacked body is larger than ${maxBytes} bytes; send smaller batches`,
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new HttpError(400, 'GZIP_UNREADABLE', `the gzip body can't be unpacked: ${reason}`);
  }
  take(body.length);
  return body;
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'BODY_TOO_LARGE', `the body is larger than ${maxBytes} bytes; send smaller batches`);
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
