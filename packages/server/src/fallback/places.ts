/** One place for two queues: how far the broker was read, and how far the spool. */
export interface Places {
  readonly broker: string | undefined;
  readonly spool: string | undefined;
}

export function formatPlaces({ broker, spool }: Places): string {
  return JSON.stringify([broker ?? null, spool ?? null]);
}

/** Places that aren't ours say nothing: nothing is acknowledged by them. */
export function readPlaces(text: string): Places {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const [broker, spool]: readonly unknown[] = Array.isArray(value) ? value : [];
  return {
    broker: typeof broker === 'string' ? broker : undefined,
    spool: typeof spool === 'string' ? spool : undefined,
  };
}
