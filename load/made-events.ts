/**
 * Events as a producer sends them: about forty keys in the order of the library, numbered by one producer, padded to a
 * wished length. Made from pieces that are prepared once, so that the load costs less than what it loads.
 */
import { createProducerId, EVENT_SCHEMA } from 'tailrace/event';
import { LEDGER_SCHEMA, type LedgerLine } from 'tailrace/ledger';

const SERVICES = ['checkout', 'payments', 'catalog', 'search', 'accounts', 'shipping', 'mail', 'gateway'];
const ROUTES = ['/payments', '/payments/:id', '/orders', '/orders/:id/items', '/search', '/login', '/cart', '/health'];
const REGIONS = ['eu-west-1', 'us-east-1', 'ap-northeast-2'];
const CODES = ['GATEWAY_TIMEOUT', 'CARD_DECLINED', 'OUT_OF_STOCK', 'DB_POOL_EXHAUSTED'];
const WORDS =
  'the gateway answered late so we asked the second one which took it at once and the order went on as if nothing had been';

export class EventMaker {
  readonly producer: string;
  readonly #bytes: number;
  readonly #timestampOf: (sequence: number) => number;
  readonly #started = new Date();
  #sequence = 0;
  #seed: number;

  /** @param timestampOf - the time of the event with this number, in ms since 1970; now unless told otherwise */
  constructor(bytes: number, seed: number, timestampOf: (sequence: number) => number = Date.now) {
    this.#bytes = bytes;
    this.#timestampOf = timestampOf;
    this.#seed = seed >>> 0 || 1;
    this.producer = createProducerId(Date.now(), () => this.#random(1_000_000) / 1_000_000);
  }

  /** The number of the last event. */
  get sequence(): number {
    return this.#sequence;
  }

  /** One line without its line feed. */
  next(): string {
    this.#sequence += 1;
    const isError = this.#random(50) === 0;
    const route = ROUTES[this.#random(ROUTES.length)];
    const user = this.#random(50_000);
    const durationMs = this.#random(90_000) / 100;
    const error = isError
      ? `,"error.code":"${CODES[this.#random(CODES.length)]}","error.type":"PaymentError","error.message":"the provider gave up after ${durationMs} ms"`
      : '';
    const line =
      `{"schema":"${EVENT_SCHEMA}","event_id":"${this.producer}-${this.#sequence}","timestamp":"${new Date(this.#timestampOf(this.#sequence)).toISOString()}",` +
      `"level":"${isError ? 'error' : 'info'}","message":"${isError ? 'request failed' : 'request done'}","topic":"http.server",` +
      `"service":"${SERVICES[this.#random(SERVICES.length)]}","version":"4.${this.#random(9)}.2","environment":"production",` +
      `"host":"node-${this.#random(20)}","route":"${route}","method":"${user % 3 === 0 ? 'POST' : 'GET'}",` +
      `"status":${isError ? 502 : 200},"duration_ms":${durationMs},"request_id":"req_${this.#hex(16)}",` +
      `"trace_id":"${this.#hex(32)}","span_id":"${this.#hex(16)}","user.id":"u_${user}","user.role":"customer"${error},` +
      `"steps":[{"name":"balance","duration_ms":${durationMs / 4},"outcome":"ok"},{"name":"charge","duration_ms":${durationMs / 2},"outcome":"${isError ? 'error' : 'ok'}"}],` +
      `"region":"${REGIONS[user % 3]}",` +
      `"cart.items":${user % 7},"cart.total":${user / 100},"cart.currency":"EUR","cache.hit":${user % 2 === 0},` +
      `"db.queries":${user % 11},"db.ms":${durationMs / 8},"payment.provider":"${user % 5 === 0 ? 'north' : 'south'}",` +
      `"payment.attempts":${1 + (user % 3)},"feature.new_checkout":${user % 4 === 0},"http.bytes_sent":${user * 3},"queue.lag_ms":${user % 40}`;
    const end = `"sampling.rule":"${isError ? 'HAS_ERROR' : 'UNSAMPLED'}","sampling.rate":1}`;
    const room = this.#bytes - line.length - end.length - ',"note":"",'.length;
    if (room <= 0) return `${line},${end}`;
    const from = this.#random(WORDS.length);
    const note = WORDS.slice(from)
      .concat(' ', WORDS.repeat(Math.ceil(room / WORDS.length)))
      .slice(0, room);
    return `${line},"note":"${note}",${end}`;
  }

  /** What the producer says of itself at the end. */
  ledgerLine(): LedgerLine {
    return {
      schema: LEDGER_SCHEMA,
      producer: this.producer,
      service: 'load',
      host: 'load',
      pid: process.pid,
      started: this.#started.toISOString(),
      timestamp: new Date().toISOString(),
      emitted: this.#sequence,
      sequence: this.#sequence,
      kept: { UNSAMPLED: this.#sequence },
      sampled_out: {},
      dropped: {},
      dead: {},
      closed: true,
    };
  }

  #hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.#random(0x1_0000_0000).toString(16).padStart(8, '0');
    return text.slice(0, digits);
  }

  /** xorshift32: cheap, and the same for the same seed. */
  #random(below: number): number {
    this.#seed ^= this.#seed << 13;
    this.#seed ^= this.#seed >>> 17;
    this.#seed ^= this.#seed << 5;
    return (this.#seed >>> 0) % below;
  }
}
