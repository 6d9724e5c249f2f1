/** Random arrays: elements as JSON and as bytes, written side by side. */

import type { Random } from "./random.ts";
import { double, words } from "./scalar-values.ts";

/** One array in every form that goes in or comes out. */
export interface ArrayInput {
  /** As numpy prints it. */
  readonly dtype: string;
  /** As a `.npy` header has it. */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Nested by axis. */
  readonly values: unknown;
  /** The last axis fastest. */
  readonly bytes: Buffer;
  /** As `numpy.save` would write it. */
  readonly npyFile?: Buffer;
}

interface Kind {
  readonly dtype: string;
  readonly descr: string;
  readonly size: number;
  readonly inBlob: boolean;
  make(random: Random, bytes: Buffer, at: number): unknown;
}

function integers(bits: number, signed: boolean, order: "LE" | "BE" = "LE"): Kind {
  const size = bits / 8;
  const code = `${signed ? "i" : "u"}${size}`;
  return {
    dtype: order === "BE" ? `>${code}` : `${signed ? "" : "u"}int${bits}`,
    descr: `${size === 1 ? "|" : order === "BE" ? ">" : "<"}${code}`,
    size,
    inBlob: order === "LE",
    make(random, bytes, at) {
      const value = BigInt.asIntN(
        bits,
        random.chance(0.2) ? random.pick([0n, -1n, 1n << BigInt(bits - 1)]) : random.bits(),
      );
      for (let byte = 0; byte < size; byte++) {
        const shift = BigInt(8 * (order === "BE" ? size - 1 - byte : byte));
        bytes[at + byte] = Number((BigInt.asUintN(bits, value) >> shift) & 255n);
      }
      const shown = signed ? value : BigInt.asUintN(bits, value);
      return bits === 64 ? String(shown) : Number(shown);
    },
  };
}

const jsonOf = (value: number): unknown => (Number.isFinite(value) ? value : String(value));
const unusual = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
const anyDouble = (random: Random): number => (random.chance(0.15) ? random.pick(unusual) : double(random));

const kinds: readonly Kind[] = [
  ...[8, 16, 32, 64].flatMap((bits) => [integers(bits, true), integers(bits, false)]),
  integers(32, true, "BE"),
  {
    dtype: "float64",
    descr: "<f8",
    size: 8,
    inBlob: true,
    make: (random, bytes, at) => {
      const value = anyDouble(random);
      bytes.writeDoubleLE(value, at);
      return jsonOf(value);
    },
  },
  {
    dtype: "float32",
    descr: "<f4",
    size: 4,
    inBlob: true,
    make: (random, bytes, at) => {
      const wide = anyDouble(random);
      const value = Math.abs(wide) > 3e38 && Number.isFinite(wide) ? 0.5 : Math.fround(wide);
      bytes.writeFloatLE(value, at);
      return jsonOf(value);
    },
  },
  {
    dtype: "complex128",
    descr: "<c16",
    size: 16,
    inBlob: true,
    make: (random, bytes, at) => {
      const [re, im] = [anyDouble(random), anyDouble(random)];
      bytes.writeDoubleLE(re, at);
      bytes.writeDoubleLE(im, at + 8);
      return { re: jsonOf(re), im: jsonOf(im) };
    },
  },
  {
    dtype: "bool",
    descr: "|b1",
    size: 1,
    inBlob: true,
    make: (random, bytes, at) => {
      bytes[at] = random.below(2);
      return bytes[at] === 1;
    },
  },
  {
    dtype: "<U5",
    descr: "<U5",
    size: 20,
    inBlob: false,
    make: (random, bytes, at) => {
      const text = [...words(random, 5)].slice(0, 5).join("");
      for (const [index, char] of [...text].entries())
        bytes.writeUInt32LE(char.codePointAt(0) ?? 0, at + 4 * index);
      return text;
    },
  },
];

const shapes: readonly (readonly number[])[] = [[0], [1], [5], [2, 3], [3, 1, 2], [2, 0, 2], [17], []];

/** An array of any kind; `forBlob`: one that packed values know, with an axis at least. */
export function arrayInput(random: Random, { forBlob = false } = {}): ArrayInput {
  const kind = random.pick(forBlob ? kinds.filter(({ inBlob }) => inBlob) : kinds);
  const shape = random.pick(forBlob ? shapes.filter(({ length }) => length > 0) : shapes);
  const count = shape.reduce((product, length) => product * length, 1);
  const bytes = Buffer.alloc(count * kind.size);
  const flat = Array.from({ length: count }, (_, at) => kind.make(random, bytes, at * kind.size));
  const { dtype, descr } = kind;
  const array = { dtype, descr, shape, values: nested(flat, shape), bytes };
  return forBlob ? array : { ...array, npyFile: npyFile(array) };
}

function nested(flat: readonly unknown[], shape: readonly number[]): unknown {
  const [length, ...rest] = shape;
  if (length === undefined) return flat[0];
  const size = rest.reduce((product, one) => product * one, 1);
  return Array.from({ length }, (_, at) => nested(flat.slice(at * size, (at + 1) * size), rest));
}

/** @source https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0 */
function npyFile({ descr, shape, bytes }: Pick<ArrayInput, "descr" | "shape" | "bytes">): Buffer {
  const axes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${axes}, }`;
  const header = `${text}${" ".repeat(63 - ((text.length + 10) % 64))}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), length, Buffer.from(header), bytes]);
}
