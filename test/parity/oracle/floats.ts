/** Sums of 64-bit floating point numbers, exact before one last rounding. */

/** A number, and how far another order of adding may lead away from it. */
export class Approximate {
  readonly value: number;
  /** 0: every order of adding gives the same bits. */
  readonly slack: number;

  constructor(value: number, slack: number) {
    this.value = value;
    this.slack = slack;
  }
}

/** How many times 2^-1074 a finite number is. */
function units(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const size = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
  return bits >> 63n === 1n ? -size : size;
}

/** `count` times 2^-1074 as a number; infinite where it is too large. */
function numberOf(count: bigint): number {
  const size = count < 0n ? -count : count;
  const length = size.toString(2).length;
  const drop = Math.max(length - 64, 0);
  // The lowest bit that is kept tells of those that are not.
  const dropped = drop > 0 && size % (1n << BigInt(drop)) !== 0n ? 1n : 0n;
  const kept = (size >> BigInt(drop)) | dropped;
  const value = Number(kept) * 2 ** Math.max(drop - 1074, -1000) * 2 ** Math.min(drop - 74, 0);
  return count < 0n ? -value : value;
}

interface Summed {
  readonly total: bigint;
  readonly size: number;
  readonly isExact: boolean;
}

function summed(values: readonly number[]): Summed {
  let total = 0n;
  let size = 0;
  for (const value of values) {
    total += units(value);
    size += Math.abs(value);
  }
  // Sums of few whole numbers of 2^-20 round nowhere on the way.
  const isExact =
    values.length <= 1 || (size < 2 ** 32 && values.every((value) => Number.isInteger(value * 2 ** 20)));
  return { total, size, isExact };
}

function ofNotFinite(values: readonly number[]): Approximate | undefined {
  const odd = values.filter((value) => !Number.isFinite(value));
  if (odd.length === 0) return undefined;
  return new Approximate(
    odd.reduce((total, value) => total + value, 0),
    0,
  );
}

const slackOf = ({ size, isExact }: Summed): number =>
  isExact ? 0 : Math.min(size, Number.MAX_VALUE) * 1e-12;

/** The sum; infinite beyond the largest number. */
export function sumFloats(values: readonly number[]): Approximate {
  const odd = ofNotFinite(values);
  if (odd !== undefined) return odd;
  const sums = summed(values);
  return new Approximate(numberOf(sums.total) + 0, slackOf(sums));
}

/** The sum over the number of values, also where the sum is too large. */
export function averageFloats(values: readonly number[]): Approximate {
  const odd = ofNotFinite(values);
  if (odd !== undefined) return odd;
  const sums = summed(values);
  const count = values.length;
  if (sums.isExact) return new Approximate(numberOf(sums.total) / count + 0, 0);
  const quotient = numberOf(sums.total / BigInt(count));
  return new Approximate(quotient + 0, Math.max((slackOf(sums) || 5e-324) / count, 5e-324));
}
