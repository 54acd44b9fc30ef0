/** What a reader knows of a partition that it has, and how that is told to its next reader: in the metadata of the group's place. */

export interface Partition {
  readonly number: number;
  /** The assignment since which it has been ours without a gap. */
  readonly since: number;
  /** The offset that the next fetch must begin at; `undefined` until the group's place is known. */
  expected: number | undefined;
  /** The group's place, as the broker has confirmed it; -1 where there is none yet. */
  committed: number;
  /** The place that the writer has acknowledged. */
  acknowledged: number;
  /** Behind the last line that was handed out. */
  handedOut: number;
  /** A fetch began here in place of the expected offset. */
  strayOffset: number | undefined;
  notes: PlaceNotes;
}

/** Told from reader to reader while the group's place doesn't move. */
export interface PlaceNotes {
  /** How many readers have begun here. */
  readonly tries: number;
  /** The offset of the line that the reader has in hand, alone. */
  readonly inHand?: number;
  /** How many readers died with which line in hand, by its offset. */
  readonly deaths: ReadonlyMap<number, number>;
}

/** The metadata of a place is bounded by the broker, at 4 KiB if it isn't told otherwise. */
const MAX_DEATHS_TOLD = 50;

export function newPartition(number: number, since: number): Partition {
  return {
    number,
    since,
    expected: undefined,
    committed: -1,
    acknowledged: -1,
    handedOut: -1,
    strayOffset: undefined,
    notes: freshNotes(0),
  };
}

/** Of a reader that is the so-manieth to begin at its place. */
export function freshNotes(tries: number): PlaceNotes {
  return { tries, deaths: new Map() };
}

export function formatNotes({ tries, inHand, deaths }: PlaceNotes): string {
  if (tries === 0) return '';
  return JSON.stringify({ tailrace: { tries, inHand, deaths: [...deaths].slice(-MAX_DEATHS_TOLD) } });
}

/** The notes of the reader that comes after these: what the last one had in hand, it has died of. */
export function followNotes(metadata: string | null | undefined): PlaceNotes {
  const { tries, inHand, deaths } = parseNotes(metadata);
  if (inHand === undefined) return { tries: tries + 1, deaths };
  return { tries: tries + 1, deaths: new Map([...deaths, [inHand, (deaths.get(inHand) ?? 0) + 1]]) };
}

function parseNotes(metadata: string | null | undefined): PlaceNotes {
  if (!metadata?.startsWith('{"tailrace":')) return freshNotes(0);
  try {
    const { tries, inHand, deaths } = JSON.parse(metadata).tailrace;
    const pairs: unknown[] = Array.isArray(deaths) ? deaths : [];
    const told = pairs.map((pair) =>
      Array.isArray(pair) ? ([wholeNumber(pair[0]), wholeNumber(pair[1])] as const) : ([0, 0] as const),
    );
    return {
      tries: wholeNumber(tries),
      deaths: new Map(told.filter(([, count]) => count > 0)),
      ...(inHand !== undefined && { inHand: wholeNumber(inHand) }),
    };
  } catch {
    // Somebody else's: a tool that moved the group's place.
    return freshNotes(0);
  }
}

function wholeNumber(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** A place in the queue: the assignment in which it was handed out, and for each partition the offset behind it. */
export function formatEnd(epoch: number, reader: string, partitions: Iterable<Partition>): string {
  const offsets: Record<string, number> = {};
  for (const { number, handedOut } of partitions) if (handedOut >= 0) offsets[number] = handedOut;
  return JSON.stringify({ reader, epoch, offsets });
}

export function parseEnd(
  text: string,
):
  | { readonly reader: unknown; readonly epoch: number; readonly offsets: readonly (readonly [number, number])[] }
  | undefined {
  try {
    const { reader, epoch, offsets } = JSON.parse(text);
    const entries = Object.entries(offsets ?? {}).map(([number, offset]) => [Number(number), Number(offset)] as const);
    return { reader, epoch: Number(epoch), offsets: entries };
  } catch {
    return undefined;
  }
}
