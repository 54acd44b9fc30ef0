/**
 * What happens to whom, drawn from a seed.
 *
 * Each part of the arrangement has a list of steps of its own, drawn from its own stream: it lives for a while, then
 * something happens to it, for a while. The same seed gives each part the same steps in the same order and with the same
 * lengths; how far it gets along its list, and what the others do meanwhile, is up to the machine. Each list begins with
 * every kind of step once, shuffled, so that a short run meets them all.
 */
import { between, type Random, randomStream, weighted } from '../../examples/payments/src/random.ts';

export const PRODUCER_STEPS = ['kill', 'tear', 'spoil-cursor', 'freeze', 'end', 'jump-clock'] as const;
export const SMALL_DISK_STEPS = ['fill-disk', 'fill-disk-and-kill', 'read-only-disk', 'kill'] as const;
export const SERVICE_STEPS = ['kill', 'freeze', 'restart'] as const;
export const BROKER_STEPS = ['kill'] as const;
export const LINK_STEPS = [
  'cut',
  'refuse',
  'delay',
  'throttle',
  'lose-answers',
  'answer-503',
  'answer-429',
  'answer-garbage',
] as const;

export type ProducerStepKind = (typeof PRODUCER_STEPS)[number] | (typeof SMALL_DISK_STEPS)[number];
export type ServiceStepKind = (typeof SERVICE_STEPS)[number];
export type LinkStepKind = (typeof LINK_STEPS)[number];

export interface Step<Kind extends string> {
  readonly kind: Kind;
  /** How long the part is left alone before. */
  readonly afterMs: number;
  /** How long the step lasts: the time until a restart, the length of a trouble. */
  readonly forMs: number;
  /** In [0, 1): what else has to be drawn for the step. */
  readonly draw: number;
}

export interface Tempo<Kind extends string> {
  readonly kinds: readonly (readonly [kind: Kind, weight: number])[];
  readonly afterMs: readonly [from: number, to: number];
  readonly forMs: readonly [from: number, to: number];
}

export type Part = 'producer' | 'small-disk' | 'service' | 'broker' | 'link';

/** How often what happens, at pace 1: some 30 kills a minute with four producers. */
export const TEMPOS = {
  producer: {
    kinds: [
      ['kill', 12],
      ['tear', 3],
      ['spoil-cursor', 1],
      ['freeze', 2],
      ['end', 2],
      ['jump-clock', 2],
    ],
    afterMs: [700, 7_000],
    forMs: [0, 800],
  },
  'small-disk': {
    kinds: [
      ['fill-disk', 2],
      ['fill-disk-and-kill', 2],
      ['read-only-disk', 1],
      ['kill', 3],
    ],
    afterMs: [2_000, 6_000],
    forMs: [1_500, 4_000],
  },
  service: {
    kinds: [
      ['kill', 5],
      ['freeze', 2],
      ['restart', 1],
    ],
    afterMs: [3_000, 20_000],
    forMs: [100, 2_500],
  },
  broker: { kinds: [['kill', 1]], afterMs: [10_000, 30_000], forMs: [200, 5_000] },
  link: {
    kinds: LINK_STEPS.map((kind) => [kind, 1] as const),
    afterMs: [1_500, 6_000],
    forMs: [300, 2_500],
  },
} as const satisfies Record<Part, Tempo<string>>;

type KindOf<P extends Part> = (typeof TEMPOS)[P]['kinds'][number][0];

/**
 * The steps of one part, without an end.
 *
 * @param number - tells the parts of one seed apart
 * @param pace - above 1 the time between steps is shorter by that factor
 */
export function* stepsOf<P extends Part>(
  part: P,
  seed: number,
  number: number,
  pace: number,
): Generator<Step<KindOf<P>>> {
  const tempo: Tempo<KindOf<P>> = TEMPOS[part];
  const random = randomStream(seed, 'traffic', number);
  const draw = (kind: KindOf<P>): Step<KindOf<P>> => ({
    kind,
    afterMs: Math.round(between(random, ...tempo.afterMs) / pace),
    forMs: Math.round(between(random, ...tempo.forMs)),
    draw: random(),
  });
  for (const [kind] of shuffled(random, tempo.kinds)) yield draw(kind);
  for (;;) yield draw(weighted(random, tempo.kinds));
}

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
