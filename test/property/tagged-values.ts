/** Random values in the lossless tagged form of blobs, and the tagged form of plain JSON. */

import { arrayInput } from "./array-values.ts";
import type { Random } from "./random.ts";
import { double, words } from "./scalar-values.ts";

const scalars: readonly ((random: Random) => object)[] = [
  () => ({ t: "null" }),
  (random) => ({ t: "bool", v: random.chance(0.5) }),
  (random) => ({ t: "int", v: String(wholeNumber(random)) }),
  (random) => float(random.chance(0.2) ? random.bits() : bitsOf(double(random))),
  (random) => ({ t: "complex", re: float(bitsOf(double(random))), im: float(bitsOf(double(random))) }),
  (random) => ({ t: "str", v: words(random, 30) }),
  (random) => {
    const bytes = random.bytes(20);
    return { t: "bytes", size: bytes.length, hex: bytes.toString("hex") };
  },
  (random) => ({ t: "date", v: day(random) }),
  (random) => ({ t: "time", v: clock(random) }),
  (random) => ({ t: "datetime", v: `${day(random)}T${clock(random)}` }),
  (random) => ({
    t: "decimal",
    v: `${random.chance(0.5) ? "-" : ""}${random.below(1000)}.${random.below(1000)}0`,
  }),
  (random) => ({ t: "uuid", v: `f81d4fae-7dec-11d0-a765-${String(random.below(1e9)).padStart(12, "0")}` }),
];

function wholeNumber(random: Random): bigint {
  return random.pick([
    0n,
    -1n,
    255n,
    256n,
    -(2n ** 63n),
    2n ** 63n,
    2n ** 100n,
    random.between(-(2n ** 70n), 2n ** 70n),
  ]);
}

function bitsOf(value: number): bigint {
  return new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n;
}

function float(bits: bigint): object {
  return { t: "float", bits: bits.toString(16).padStart(16, "0") };
}

const two = (value: number): string => String(value).padStart(2, "0");

function day(random: Random): string {
  const year = random.pick([1, 99, 1969, 2024, 9999]);
  return `${String(year).padStart(4, "0")}-${two(1 + random.below(12))}-${two(1 + random.below(28))}`;
}

function clock(random: Random): string {
  const micros = random.chance(0.5) ? 0 : random.below(1_000_000);
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0")}`;
  return `${two(random.below(24))}:${two(random.below(60))}:${two(random.below(60))}${fraction}`;
}

/** A value, nested `depth` levels at most. */
export function taggedValue(random: Random, depth: number): object {
  if (depth === 0 || random.chance(0.4)) return random.pick(scalars)(random);
  const kind = random.below(5);
  const inner = (): object => taggedValue(random, depth - 1);
  if (kind === 0) return { t: "list", items: random.list(4, inner) };
  if (kind === 1) return { t: "tuple", items: random.list(4, inner) };
  // Elements of sets and keys must be hashable and different.
  if (kind === 2) return { t: "set", items: different(random).map((v) => ({ t: "int", v })) };
  if (kind === 3)
    return {
      t: "dict",
      items: different(random).map((v, at) => [
        at % 2 === 0 ? { t: "str", v: `k${v}` } : { t: "int", v },
        inner(),
      ]),
    };
  const { descr, shape, bytes } = arrayInput(random, { forBlob: true });
  return { t: "ndarray", dtype: descr, shape, data: { size: bytes.length, hex: bytes.toString("hex") } };
}

function different(random: Random): string[] {
  return [...new Set(random.list(4, () => String(random.below(1000))))];
}

/** The tagged form of plain JSON: whole numbers are ints, other numbers floats. */
export function taggedOfJson(json: unknown): object {
  if (json === null) return { t: "null" };
  if (typeof json === "boolean") return { t: "bool", v: json };
  if (typeof json === "string") return { t: "str", v: json };
  if (typeof json === "number")
    return Number.isInteger(json) ? { t: "int", v: String(BigInt(json)) } : float(bitsOf(json));
  if (Array.isArray(json)) return { t: "list", items: json.map(taggedOfJson) };
  return {
    t: "dict",
    items: Object.entries(json ?? {}).map(([key, item]) => [{ t: "str", v: key }, taggedOfJson(item)]),
  };
}
