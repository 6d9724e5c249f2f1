/**
 * e^x from the four IEEE operations alone, so that the simulation has the same bits on every machine and in every version of
 * the engine (`Math.exp` promises only an approximation).
 *
 * @source Range reduction by ln 2 in two parts (Cody and Waite, 1980), Taylor series on |r| ≤ 0.35.
 */

const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const inverseFactorials = [
  1,
  1,
  1 / 2,
  1 / 6,
  1 / 24,
  1 / 120,
  1 / 720,
  1 / 5040,
  1 / 40320,
  1 / 362880,
  1 / 3628800,
  1 / 39916800,
  1 / 479001600,
];

/** e^x, within a few units in the last place for |x| < 700. */
export function exponential(x: number): number {
  const k = Math.round(x / Math.LN2);
  const r = x - k * ln2High - k * ln2Low;
  let sum = 0;
  for (let n = inverseFactorials.length - 1; n >= 0; n--) sum = sum * r + (inverseFactorials[n] ?? 0);
  return sum * 2 ** k;
}
