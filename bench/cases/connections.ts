/**
 * A client of HTTP/1.1 that does as little as can be: `node:http` takes as much of a processor for a request as the program that
 * answers it, and its collections of garbage would be measured with it. One path, answers with `content-length`.
 */
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class Connection {
  readonly #socket: Socket;
  readonly #request: string;
  #received = '';
  #waiting: Waiting | undefined;

  constructor(port: number, request: string) {
    this.#request = request;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (part: string) => this.#hear(part));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the connection was closed before the answer')));
  }

  ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(this.#request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(part: string): void {
    this.#received += part;
    const bodyAt = this.#received.indexOf(HEAD_END) + HEAD_END.length;
    if (bodyAt < HEAD_END.length) return;
    const head = this.#received.slice(0, bodyAt);
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) {
      this.#waiting?.reject(new Error(`the application answered ${head}`));
    } else if (this.#received.length >= bodyAt + Number(length)) {
      this.#received = '';
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve();
    }
  }
}

/** As many connections as there are requests on their way. */
export class Connections {
  readonly #port: number;
  readonly #request: string;
  readonly #all: Connection[] = [];
  readonly #idle: Connection[] = [];

  constructor(port: number, path: string) {
    this.#port = port;
    this.#request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`;
  }

  /** Resolves with the whole answer; rejects where it isn't a 200. */
  async ask(): Promise<void> {
    const connection = this.#idle.pop() ?? this.#open();
    await connection.ask();
    this.#idle.push(connection);
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  #open(): Connection {
    const connection = new Connection(this.#port, this.#request);
    this.#all.push(connection);
    return connection;
  }
}
