/** Quantiles of the gamma distribution and of Student's t, as far as the estimator needs them. */

const EPSILON = 1e-12;

/**
 * The x below which a gamma variable lies with probability `p`.
 *
 * Starts at the approximation of Wilson and Hilferty (1931) and halves the bracket around the root of the regularised
 * incomplete gamma function; beyond a shape of 1,000 the approximation itself is good to six digits.
 */
export function gammaQuantile(p: number, shape: number, scale: number): number {
  if (!(shape > 0) || !(scale > 0) || p <= 0) return 0;
  const approximate = wilsonHilferty(p, shape);
  if (shape > 1_000) return approximate * scale;
  let low = 0;
  let high = Math.max(approximate, shape, 1);
  while (regularisedGamma(shape, high) < p) high *= 2;
  for (let i = 0; i < 80 && high - low > 1e-9 * high; i += 1) {
    const middle = (low + high) / 2;
    if (regularisedGamma(shape, middle) < p) low = middle;
    else high = middle;
  }
  return ((low + high) / 2) * scale;
}

/** P(a, x), by its series below a + 1 and by Lentz's continued fraction above (Press et al., Numerical Recipes, 6.2). */
export function regularisedGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = a + 1; Math.abs(term) > Math.abs(sum) * EPSILON; n += 1) {
      term *= x / n;
      sum += term;
    }
    return Math.min(1, sum * front);
  }
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 10_000; i += 1) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / nonZero(an * d + b, tiny);
    c = nonZero(b + an / c, tiny);
    const delta = d * c;
    h *= delta;
    if (Math.abs(delta - 1) < EPSILON) break;
  }
  return Math.max(0, 1 - front * h);
}

/** The 97.5 % quantile of Student's t: what a 95 % interval from few observations takes in place of 1.96. */
export function studentQuantile(degrees: number): number {
  const whole = Math.max(1, Math.floor(degrees));
  return STUDENT_975[whole - 1] ?? NORMAL_975 + 2.372 / whole + 2.823 / whole ** 2;
}

export const NORMAL_975 = 1.959964;
const STUDENT_975 = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281];

function wilsonHilferty(p: number, shape: number): number {
  const z = p < 0.5 ? -NORMAL_975 : NORMAL_975;
  return shape * Math.max(0, 1 - 1 / (9 * shape) + z / (3 * Math.sqrt(shape))) ** 3;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

/** Lanczos, g = 7 and nine terms. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  let sum = 0.99999999999980993;
  LANCZOS.forEach((coefficient, i) => {
    sum += coefficient / (shifted + i + 1);
  });
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
