/**
 * Seeded randomness: one independent stream for each payment, made of the seed and the payment's number. So what happens
 * to payment 42 doesn't depend on which payments run beside it, and whoever knows the seed can say it beforehand.
 */

/** Numbers in [0, 1), the same for the same stream. */
export type Random = () => number;

/** The purposes that a stream can have; two purposes of one number never share a stream. */
const PURPOSES = { payment: 0x9e3779b9, traffic: 0x85ebca77 } as const;

/** The stream of one numbered thing. */
export function randomStream(seed: number, purpose: keyof typeof PURPOSES, number: number): Random {
  return mulberry32(mix(mix(seed ^ PURPOSES[purpose]) ^ number));
}

/** A number in [from, to). */
export function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

/** One of the choices, each as likely as its weight. */
export function weighted<T>(random: Random, choices: readonly (readonly [choice: T, weight: number])[]): T {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  let rest = random() * total;
  for (const [choice, weight] of choices) {
    rest -= weight;
    if (rest < 0) return choice;
  }
  const last = choices.at(-1);
  if (last === undefined) throw new RangeError('weighted() needs at least one choice');
  return last[0];
}

/** Tommy Ettinger's Mulberry32: 32 bits of state, which is plenty for the handful of numbers that a payment draws. */
function mulberry32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The finaliser of MurmurHash3: neighbouring numbers end far apart, so that neighbouring streams do. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
