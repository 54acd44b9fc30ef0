/** What a reader knows of a partition that it has, and how that is told to its next reader: in the metadata of the group's place. */
import type { Suspicion } from './suspicion.ts';

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
  /** It was told when the first message that was read here was written. */
  isAgeKnown: boolean;
  notes: PlaceNotes;
}

/** Told from reader to reader, as far as it is about what lies behind the group's place. */
export interface PlaceNotes {
  /** How many readers have begun here. */
  readonly tries: number;
  /** The lines under suspicion that the reader has in hand. */
  readonly inHand?: Run | undefined;
  /** Runs of several lines with which a reader died. */
  readonly fatal: readonly Run[];
  /** How many readers died with which line in hand, alone, by its offset. */
  readonly deaths: ReadonlyMap<number, number>;
}

/** Lines that went out together. */
export interface Run {
  readonly from: number;
  /** The offset behind the last of them. */
  readonly to: number;
  /** Offsets may have gaps. */
  readonly lines: number;
}

/** The metadata of a place is bounded by the broker, at 4 KiB if it isn't told otherwise. */
const MAX_DEATHS_TOLD = 50;
const MAX_RUNS_TOLD = 30;
const SUSPECT_FROM_TRY = 3;

export function newPartition(number: number, since: number): Partition {
  return {
    number,
    since,
    expected: undefined,
    committed: -1,
    acknowledged: -1,
    handedOut: -1,
    strayOffset: undefined,
    isAgeKnown: false,
    notes: freshNotes(0),
  };
}

/** Of a reader that is the so-manieth to begin at its place. */
export function freshNotes(tries: number): PlaceNotes {
  return { tries, fatal: [], deaths: new Map() };
}

/** The notes at a place further on: a reader has begun there, so many with it. */
export function moveNotes({ inHand, fatal, deaths }: PlaceNotes, place: number, tries: number): PlaceNotes {
  return {
    tries,
    inHand: inHand !== undefined && inHand.to > place ? inHand : undefined,
    fatal: fatal.filter(({ to }) => to > place),
    deaths: new Map([...deaths].filter(([offset]) => offset >= place)),
  };
}

export function formatNotes({ tries, inHand, fatal, deaths }: PlaceNotes): string {
  if (tries === 0 && fatal.length === 0 && deaths.size === 0) return '';
  const told = {
    tries,
    ...(inHand !== undefined && { inHand: toTriple(inHand) }),
    ...(fatal.length > 0 && { fatal: fatal.slice(-MAX_RUNS_TOLD).map(toTriple) }),
    ...(deaths.size > 0 && { deaths: [...deaths].slice(-MAX_DEATHS_TOLD) }),
  };
  return JSON.stringify({ tailrace: told });
}

/** The notes of the reader that comes after these: what the last one had in hand, it has died of. */
export function followNotes(metadata: string | null | undefined): PlaceNotes {
  const { tries, inHand, fatal, deaths } = parseNotes(metadata);
  if (inHand === undefined) return { tries: tries + 1, fatal, deaths };
  if (inHand.lines > 1) return { tries: tries + 1, fatal: [...fatal, inHand], deaths };
  const { from } = inHand;
  return { tries: tries + 1, fatal, deaths: new Map([...deaths, [from, (deaths.get(from) ?? 0) + 1]]) };
}

/** What the notes say against the line at this offset of a partition; `undefined` where that is nothing. */
export function suspicionAt({ tries, fatal, deaths }: PlaceNotes, offset: number, lane: number): Suspicion | undefined {
  const deathsAlone = deaths.get(offset) ?? 0;
  const runs = fatal.filter(({ from, to }) => from <= offset && offset < to).map(({ lines }) => lines);
  const diedWith = deathsAlone > 0 ? 1 : runs.length > 0 ? Math.min(...runs) : undefined;
  return diedWith === undefined && tries < SUSPECT_FROM_TRY ? undefined : { diedWith, deathsAlone, lane };
}

function parseNotes(metadata: string | null | undefined): PlaceNotes {
  if (!metadata?.startsWith('{"tailrace":')) return freshNotes(0);
  try {
    const { tries, inHand, fatal, deaths } = JSON.parse(metadata).tailrace;
    const pairs: unknown[] = Array.isArray(deaths) ? deaths : [];
    const told = pairs.map((pair) =>
      Array.isArray(pair) ? ([wholeNumber(pair[0]), wholeNumber(pair[1])] as const) : ([0, 0] as const),
    );
    const runs: unknown[] = Array.isArray(fatal) ? fatal : [];
    return {
      tries: wholeNumber(tries),
      inHand: parseRun(inHand),
      fatal: runs.flatMap((run) => parseRun(run) ?? []),
      deaths: new Map(told.filter(([, count]) => count > 0)),
    };
  } catch {
    // Somebody else's: a tool that moved the group's place.
    return freshNotes(0);
  }
}

function toTriple({ from, to, lines }: Run): readonly number[] {
  return [from, to, lines];
}

function parseRun(value: unknown): Run | undefined {
  if (!Array.isArray(value)) return undefined;
  const [from, to, lines] = value.map(wholeNumber);
  return from === undefined || to === undefined || lines === undefined ? undefined : { from, to, lines };
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
