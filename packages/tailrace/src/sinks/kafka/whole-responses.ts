/**
 * The client's connections, which hand it whole answers only.
 *
 * The client collects the pieces of an answer in a place that outlives the connection. When one breaks within an answer, the
 * piece that it left is taken for the beginning of the next connection's first answer, and nothing is understood from then
 * on: requests run into their time bound for ever, memory grows, or an error is thrown where nobody can catch it
 * (kafkajs 2.2.4; its issue 715). A broker's kill or a cut line is enough. So the pieces are collected here, one place for
 * each connection, and go when it goes.
 *
 * Each answer is preceded by its length, in four bytes (Kafka protocol guide, "Protocol Primitive Types and Common
 * Request and Response Structure"); those of a login by SASL, too.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const LENGTH_BYTES = 4;
/** No answer is as large: one that says so comes from something that isn't Kafka, or is out of step. */
const MAX_RESPONSE_BYTES = 512 * 1024 * 1024;
const KEEP_ALIVE_MS = 60_000;

/** Puts together answers of which pieces come, as large or small as the network made them. */
export class WholeResponses {
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Of what has to be there before there is more to say: the next length, or the next answer with its length. */
  #wanted = LENGTH_BYTES;

  /**
   * @returns the answers that are whole now, with their lengths, one behind the other; `undefined` where none is
   * @throws RangeError where a length can't be one
   */
  take(piece: Buffer): Buffer | undefined {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < this.#wanted) return undefined;
    const all = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
    let end = 0;
    this.#wanted = LENGTH_BYTES;
    while (all.length - end >= LENGTH_BYTES) {
      const size = LENGTH_BYTES + readLength(all, end);
      if (all.length - end < size) {
        this.#wanted = size;
        break;
      }
      end += size;
    }
    const rest = all.subarray(end);
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    return end > 0 ? all.subarray(0, end) : undefined;
  }
}

function readLength(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at);
  if (length >= 0 && length <= MAX_RESPONSE_BYTES) return length;
  throw new RangeError(`what answers is not Kafka: it announced ${length} bytes`);
}

/** Connects as the client itself would, and lets its listeners hear of whole answers only. */
export const connectForWholeResponses: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const serverName = net.isIP(host) === 0 ? { servername: host } : {};
  const socket = ssl
    ? tls.connect({ host, port, ...serverName, ...ssl }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  emitWholeResponses(socket);
  return socket;
};

/** What the client can't make sense of ends the connection, in place of the process. */
function emitWholeResponses(socket: net.Socket): void {
  const responses = new WholeResponses();
  const emit = socket.emit.bind(socket);
  const emitWhole = (event: string, ...values: unknown[]): boolean => {
    const [piece] = values;
    if (event !== 'data' || !Buffer.isBuffer(piece)) return emit(event, ...values);
    try {
      const whole = responses.take(piece);
      return whole !== undefined && emit('data', whole);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  };
  Reflect.set(socket, 'emit', emitWhole);
}
