import { type Randomness, shortThreshold } from './threshold.ts';

/**
 * W3C Trace Context: `traceparent` and the `ot` member of `tracestate`, in and out.
 *
 * Headers come from strangers. What doesn't follow the specification is treated as not given.
 */

export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  /** The caller's sampler kept this trace. */
  readonly isSampled: boolean;
}

export interface OpenTelemetryState {
  /** Rejection threshold of the caller's sampler, 14 hex digits. */
  readonly threshold?: string;
  /** Randomness that stands in for the trace id's. */
  readonly randomness?: Randomness;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const MAX_TRACESTATE_CHARACTERS = 8_192;
const MAX_TRACESTATE_MEMBERS = 32;

export function parseTraceparent(header: string | undefined): TraceParent | undefined {
  if (header === undefined || header.length < 55 || header.length > 256) return undefined;
  const match = TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = '00', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (isAllZeros(traceId) || isAllZeros(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Flags: 1 = sampled, 2 = the trace id is random. */
export function formatTraceparent(traceId: string, spanId: string, isSampled: boolean): string {
  return `00-${traceId}-${spanId}-${isSampled ? '03' : '02'}`;
}

export function parseTracestate(header: string | undefined): OpenTelemetryState {
  if (header === undefined) return {};
  const member = membersOf(header).find((entry) => entry.startsWith('ot='));
  if (member === undefined) return {};
  let threshold: string | undefined;
  let randomness: string | undefined;
  for (const pair of member.slice(3).split(';')) {
    if (/^th:[0-9a-f]{1,14}$/.test(pair)) threshold = pair.slice(3).padEnd(14, '0');
    else if (/^rv:[0-9a-f]{14}$/.test(pair)) randomness = pair.slice(3);
  }
  return {
    ...(threshold === undefined ? {} : { threshold }),
    ...(randomness === undefined ? {} : { randomness }),
  };
}

/**
 * The tracestate to send on: the incoming one with its `ot` member replaced. Other vendors' members, and other keys
 * of `ot`, go on unchanged.
 */
export function formatTracestate(incoming: string | undefined, state: OpenTelemetryState): string | undefined {
  const members = membersOf(incoming);
  const previous = members.find((entry) => entry.startsWith('ot='));
  const pairs: string[] = [];
  if (state.threshold !== undefined) pairs.push(`th:${shortThreshold(state.threshold)}`);
  if (state.randomness !== undefined) pairs.push(`rv:${state.randomness}`);
  for (const pair of previous?.slice(3).split(';') ?? []) {
    if (pair !== '' && !pair.startsWith('th:') && !pair.startsWith('rv:')) pairs.push(pair);
  }
  const others = members.filter((entry) => entry !== previous);
  if (pairs.length > 0) others.unshift(`ot=${pairs.join(';')}`);
  return others.length === 0 ? undefined : others.slice(0, MAX_TRACESTATE_MEMBERS).join(',');
}

function membersOf(header: string | undefined): string[] {
  if (header === undefined || header.length > MAX_TRACESTATE_CHARACTERS) return [];
  return header
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

function isAllZeros(hex: string): boolean {
  for (let i = 0; i < hex.length; i += 1) if (hex.charCodeAt(i) !== 48) return false;
  return true;
}

/** Random bytes are drawn in one go for some hundred ids: one call into OpenSSL per id would cost more than the id. */
const pool = Buffer.alloc(4_096);
let next = pool.length;

function randomHex(bytes: number): string {
  if (next + bytes > pool.length) {
    // Loaded with the first id: it is a large part of what a start costs.
    process.getBuiltinModule('node:crypto').randomFillSync(pool);
    next = 0;
  }
  const hex = pool.toString('hex', next, next + bytes);
  next += bytes;
  return hex;
}

export function createTraceId(): string {
  const id = randomHex(16);
  return isAllZeros(id) ? createTraceId() : id;
}

export function createSpanId(): string {
  const id = randomHex(8);
  return isAllZeros(id) ? createSpanId() : id;
}

/** 56 random bits, for what has no trace. */
export function createRandomness(): Randomness {
  return randomHex(7);
}
