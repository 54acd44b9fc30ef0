/**
 * Refuses patterns of the user's that could hold the thread.
 *
 * JavaScript's regular expressions backtrack, so a pattern can take quadratic or exponential time on a string made for it,
 * and a search that starts anew at every character can be quadratic even where a single match isn't. The check reads the
 * pattern and allows what is linear for certain:
 *
 * - what repeats is a single character or class, or a group of fixed length (`(?:\d{4}-){3}`);
 * - something that repeats without a bound (over 256) is at the end, or stands behind something that it can't match
 *   itself (`ID-\d+x`, `\b\w+@`), so that the runs that are read don't overlap;
 * - two things that repeat differently and stand side by side don't match the same characters, unless both are short;
 * - no back references, no look-around.
 *
 * It is stricter than it would have to be. What it refuses can nearly always be written with a bound: `{1,64}`.
 */

interface Piece {
  /** The source of one character or class, `undefined` for what matches no character (`^`, `\b`). */
  readonly source: string | undefined;
  readonly isWordBoundary: boolean;
  readonly min: number;
  readonly max: number;
}

type Sequence = readonly Piece[];

const LARGE = 256;
const MAX_SEQUENCES = 64;
const MAX_PIECES = 128;
const MAX_STEPS = 512;

/** Characters by which two classes are compared: ASCII, and a few beyond. */
const SAMPLES = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  'é',
  'Ж',
  '中',
  '한',
  '٣',
  '\u2028',
];

/** @throws TypeError for a pattern that can't be used, naming it and what to do. */
export function checkPattern(kind: string, pattern: RegExp): RegExp {
  if (kind === '') throw new TypeError(`redaction.patterns: the pattern ${String(pattern)} needs a kind`);
  const refuse = (reason: string): never => {
    throw new TypeError(`redaction.patterns: ${String(pattern)} (${kind}) ${reason}`);
  };
  if (pattern.flags.includes('v')) refuse('uses the flag v, which is not supported; use u');
  const flags = pattern.flags.replace(/[gy]/g, '');
  const reader = new PatternReader(pattern.source, refuse);
  const sequences = reader.readAll();
  for (const sequence of sequences) checkSequence(sequence, flags, refuse);
  return new RegExp(pattern.source, `${flags}g`);
}

function checkSequence(sequence: Sequence, flags: string, refuse: (reason: string) => never): void {
  if (sequence.every((piece) => piece.source === undefined || piece.min === 0)) refuse('matches the empty text');
  let steps = 1;
  sequence.forEach((piece, index) => {
    if (piece.source === undefined || piece.min === piece.max) return;
    const rest = sequence.slice(index + 1);
    const canFail = rest.some((other) => other.source === undefined || other.min > 0);
    if (piece.max > LARGE && canFail && !isGuarded(piece, sequence.slice(0, index), flags)) {
      refuse(
        `repeats ${piece.source} without a bound and then goes on, which is slow on long texts; write {1,64}, say`,
      );
    }
    const rival = rest.findIndex(
      (other) => other.source !== undefined && other.min !== other.max && overlap(piece, other, flags),
    );
    if (rival < 0) return;
    const between = rest.slice(0, rival);
    if (between.some((other) => other.min > 0 && other.source !== undefined && !overlap(piece, other, flags))) return;
    steps *= piece.max - piece.min + 1;
    const last = rest[rival];
    const total = steps * ((last?.max ?? 0) - (last?.min ?? 0) + 1);
    if (!(total <= MAX_STEPS)) {
      refuse(
        `can divide a text between ${piece.source} and ${last?.source} in too many ways; bound both, or part them`,
      );
    }
  });
}

/** True where something before it can't be part of the run, so that each run is read once and not from each of its places. */
function isGuarded(piece: Piece, before: Sequence, flags: string): boolean {
  const last = before.at(-1);
  if (last?.isWordBoundary === true && SAMPLES.every((sample) => !matches(piece, sample, flags) || /\w/.test(sample)))
    return true;
  return before.some((other) => other.min > 0 && other.source !== undefined && !overlap(piece, other, flags));
}

function overlap(a: Piece, b: Piece, flags: string): boolean {
  return SAMPLES.some((sample) => matches(a, sample, flags) && matches(b, sample, flags));
}

function matches({ source }: Piece, sample: string, flags: string): boolean {
  return source !== undefined && new RegExp(`^${source}$`, flags.replace('m', '')).test(sample);
}

/** Reads a pattern into the sequences that its alternatives amount to, one after the other. */
class PatternReader {
  readonly #source: string;
  readonly #refuse: (reason: string) => never;
  #at = 0;

  constructor(source: string, refuse: (reason: string) => never) {
    this.#source = source;
    this.#refuse = refuse;
  }

  readAll(): readonly Sequence[] {
    return this.#readAlternatives();
  }

  #readAlternatives(): readonly Sequence[] {
    const all: Sequence[] = [];
    for (;;) {
      all.push(...this.#readSequence());
      if (all.length > MAX_SEQUENCES) this.#refuse('has too many alternatives; make it several patterns');
      if (this.#source[this.#at] !== '|') return all;
      this.#at += 1;
    }
  }

  #readSequence(): readonly Sequence[] {
    let sequences: readonly Sequence[] = [[]];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source.charAt(this.#at))) {
      const parts = this.#source[this.#at] === '(' ? this.#readGroup() : [[this.#readPiece()]];
      sequences = sequences.flatMap((sequence) => parts.map((part) => [...sequence, ...part]));
      if (sequences.length > MAX_SEQUENCES || sequences.some((sequence) => sequence.length > MAX_PIECES)) {
        this.#refuse('is too long to be checked; make it several patterns');
      }
    }
    return sequences;
  }

  #readGroup(): readonly Sequence[] {
    const opening = /^\((?:\?:|\?<[A-Za-z_$][\w$]*>)?/.exec(this.#source.slice(this.#at))?.[0] ?? '(';
    this.#at += opening.length;
    if (this.#source[this.#at] === '?')
      this.#refuse('looks around itself, or sets flags inside, which is not supported');
    const parts = this.#readAlternatives();
    this.#at += 1;
    const { min, max } = this.#readQuantifier();
    if (min === 1 && max === 1) return parts;
    if (min === 0 && max === 1) return [...parts, []];
    if (parts.length > 1 || parts.some((part) => part.some((piece) => piece.min !== piece.max)) || max > LARGE) {
      this.#refuse('repeats a group that can match in several ways or without a bound; repeat a single class instead');
    }
    const [part = []] = parts;
    const fixed = Array.from({ length: min }, () => part).flat();
    if (min === max) return [fixed];
    // each number of repetitions is one way, and they exclude each other from left to right
    return [[...fixed, ...part.map((piece) => ({ ...piece, min: 0, max: piece.max * (max - min) }))]];
  }

  #readPiece(): Piece {
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith('^') || rest.startsWith('$')) return this.#readAssertion(1, false);
    if (/^\\[bB]/.test(rest)) return this.#readAssertion(2, rest.startsWith('\\b'));
    if (/^\\(?:[1-9]|k<)/.test(rest)) this.#refuse('refers back to a group, which is not supported');
    const source =
      /^(?:\[(?:\\.|[^\]\\])*\]|\\[pPu]\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\c[A-Za-z]|\\.|.)/su.exec(
        rest,
      )?.[0] ?? '.';
    this.#at += source.length;
    return { source, isWordBoundary: false, ...this.#readQuantifier() };
  }

  #readAssertion(length: number, isWordBoundary: boolean): Piece {
    this.#at += length;
    return { source: undefined, isWordBoundary, min: 1, max: 1 };
  }

  #readQuantifier(): { readonly min: number; readonly max: number } {
    const match = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#at));
    if (match === null) return { min: 1, max: 1 };
    this.#at += match[0].length;
    if (match[1] !== undefined)
      return { min: match[1] === '+' ? 1 : 0, max: match[1] === '?' ? 1 : Number.POSITIVE_INFINITY };
    const min = Number(match[2]);
    if (match[3] === '') return { min, max: min };
    return { min, max: match[4] === '' ? Number.POSITIVE_INFINITY : Number(match[4]) };
  }
}
