/**
 * A reader's name in its group, by which Kafka knows it again after its death: static membership (KIP-345).
 *
 * A reader without a name that dies stays in its group until its session has ended, and a new one has to wait for that; so do
 * all others, for their partitions are shared out anew. One that comes back under its name gets its partitions at once,
 * and nobody else notices. Where two live under one name, the broker shuts the older one out.
 *
 * The client knows the versions of the protocol that carry the name, and always leaves it empty. So it is filled in on
 * the way to the socket: in the requests that join a group, take its assignment, and tell that the member lives. With a
 * broker that is too old for names (before 2.3) the client uses older versions, which pass unchanged.
 *
 * Kafka protocol guide: a request is its length (4 bytes), API key (2), version (2), correlation id (4), the client's name,
 * and the body; a text is its length (2 bytes, −1 for none) and its bytes.
 */
import type { Socket } from 'node:net';

interface NamedRequest {
  readonly version: number;
  /** Bytes between the group and the member's id. */
  readonly between: number;
}

/** By API key. Each body begins with the group's name, some numbers, the member's id, and the member's name. */
const NAMED_REQUESTS: ReadonlyMap<number, NamedRequest> = new Map([
  // JoinGroup: two time bounds.
  [11, { version: 5, between: 8 }],
  // Heartbeat: the generation.
  [12, { version: 3, between: 4 }],
  // SyncGroup: the generation.
  [14, { version: 3, between: 4 }],
]);
const HEADER_BYTES = 12;
const NO_TEXT = -1;

/** Fills the name into every request of a connection that has a place for it. */
export function nameMemberOf(socket: Socket, name: string): void {
  const write = socket.write.bind(socket);
  const writeNamed = (data: unknown, ...rest: unknown[]): boolean =>
    Reflect.apply(write, undefined, [Buffer.isBuffer(data) ? nameMember(data, name) : data, ...rest]);
  Reflect.set(socket, 'write', writeNamed);
}

/** @returns the request with the member's name in it; as it is, where it has no place for one */
export function nameMember(request: Buffer, name: string): Buffer {
  if (request.length < HEADER_BYTES) return request;
  const kind = NAMED_REQUESTS.get(request.readInt16BE(4));
  if (kind === undefined || kind.version !== request.readInt16BE(6)) return request;
  const group = endOfText(request, HEADER_BYTES);
  const place = endOfText(request, endOfText(request, group) + kind.between);
  if (place + 2 > request.length || request.readInt16BE(place) !== NO_TEXT) return request;
  const text = Buffer.from(name);
  const length = Buffer.alloc(2);
  length.writeInt16BE(text.length);
  const named = Buffer.concat([request.subarray(0, place), length, text, request.subarray(place + 2)]);
  named.writeInt32BE(named.length - 4);
  return named;
}

/** Where what follows a text begins; the end, where the request is shorter than it says. */
function endOfText(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return bytes.length;
  return at + 2 + Math.max(0, bytes.readInt16BE(at));
}
