/** Replies of Redis about streams, from what the wire brings to what they say. */

export interface StreamEntry {
  readonly id: string;
  /** Names and values by turns, `undefined` where the entry itself is gone. */
  readonly fields: readonly Buffer[] | undefined;
}

export interface PendingEntry {
  readonly id: string;
  readonly consumer: string;
  /** How often it was handed to a reader. */
  readonly deliveries: number;
}

export interface GroupInfo {
  readonly name: string;
  readonly pending: number;
  readonly lastDelivered: string;
  /** Entries that the group hasn't read yet; `undefined` where Redis doesn't know. */
  readonly lag: number | undefined;
}

export interface ConsumerInfo {
  readonly name: string;
  readonly pending: number;
  readonly idleMs: number;
}

/** The reply of XRANGE and XCLAIM: a list of entries. */
export function readEntries(reply: unknown): readonly StreamEntry[] {
  return listOf(reply).flatMap((one) => {
    const [id, fields] = listOf(one);
    if (id === undefined || id === null) return [];
    return [
      { id: String(id), fields: Array.isArray(fields) ? fields.filter((part) => Buffer.isBuffer(part)) : undefined },
    ];
  });
}

/** The reply of XREADGROUP for one stream: null when there was nothing. */
export function readStreamReply(reply: unknown): readonly StreamEntry[] {
  const [stream] = listOf(reply);
  return readEntries(listOf(stream)[1]);
}

/** The reply of XPENDING with a range. */
export function readPending(reply: unknown): readonly PendingEntry[] {
  return listOf(reply).map((one) => {
    const [id, consumer, , deliveries] = listOf(one);
    return { id: String(id), consumer: String(consumer), deliveries: Number(deliveries) };
  });
}

/** The reply of XPENDING without a range: which consumers hold entries, and the oldest of them. */
export function readPendingSummary(reply: unknown): {
  readonly oldest: string | undefined;
  readonly consumers: readonly string[];
} {
  const [, oldest, , consumers] = listOf(reply);
  return {
    oldest: typeof oldest === 'string' ? oldest : undefined,
    consumers: listOf(consumers).map((one) => String(listOf(one)[0])),
  };
}

export function readGroups(reply: unknown): readonly GroupInfo[] {
  return listOf(reply).map((one) => {
    const fields = fieldsOf(one);
    const lag = fields.get('lag');
    return {
      name: String(fields.get('name')),
      pending: Number(fields.get('pending')),
      lastDelivered: String(fields.get('last-delivered-id')),
      lag: typeof lag === 'number' ? lag : undefined,
    };
  });
}

export function readConsumers(reply: unknown): readonly ConsumerInfo[] {
  return listOf(reply).map((one) => {
    const fields = fieldsOf(one);
    return {
      name: String(fields.get('name')),
      pending: Number(fields.get('pending')),
      idleMs: Number(fields.get('idle')),
    };
  });
}

/** The value of a field of an entry. */
export function fieldOf(fields: readonly Buffer[], name: string): Buffer | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]?.toString() === name) return fields[i + 1];
  return undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  const list = listOf(value);
  const fields = new Map<string, unknown>();
  for (let i = 0; i + 1 < list.length; i += 2) fields.set(String(list[i]), list[i + 1]);
  return fields;
}
