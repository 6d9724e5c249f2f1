/** Damages bytes as an enemy would: lengths that lie, parts that are lost, moved or doubled. */

import fc from "fast-check";

/** One change; places are fractions of the length, so that it fits any bytes. */
export type Mutation =
  | { readonly kind: "set"; readonly at: number; readonly byte: number }
  | { readonly kind: "number"; readonly at: number; readonly value: bigint; readonly size: 1 | 2 | 4 | 8 }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "drop"; readonly at: number; readonly size: number }
  | { readonly kind: "double"; readonly at: number; readonly size: number }
  | { readonly kind: "move"; readonly at: number; readonly to: number; readonly size: number }
  | { readonly kind: "add"; readonly at: number; readonly bytes: Uint8Array };

/** Numbers at which programs break. */
const edges = [0n, 1n, 0x7fn, 0xffn, 0x7fffn, 0xffffn, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n];
const wide = [2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 9n];

// Heads are at the beginning: half of all changes go there.
const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 0.05, noNaN: true }),
);
const size = fc.integer({ min: 1, max: 64 });

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("set"), at: place, byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({
    kind: fc.constant("number"),
    at: place,
    value: fc.constantFrom(...edges, ...wide),
    size: fc.constantFrom(1, 2, 4, 8),
  }),
  fc.record({ kind: fc.constant("cut"), at: place }),
  fc.record({ kind: fc.constant("drop"), at: place, size }),
  fc.record({ kind: fc.constant("double"), at: place, size }),
  fc.record({ kind: fc.constant("move"), at: place, to: place, size }),
  fc.record({ kind: fc.constant("add"), at: place, bytes: fc.uint8Array({ maxLength: 32 }) }),
);

/** One to five changes. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(mutation, {
  minLength: 1,
  maxLength: 5,
});

/** The damaged bytes; those given stay. */
export function mutated(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  return changes.reduce<Uint8Array>(changed, bytes);
}

function changed(bytes: Uint8Array, change: Mutation): Uint8Array {
  const at = Math.min(bytes.length, Math.floor(change.at * bytes.length));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (change.kind) {
    case "cut":
      return before.slice();
    case "drop":
      return Uint8Array.from(Buffer.concat([before, after.subarray(change.size)]));
    case "double":
      return Uint8Array.from(Buffer.concat([before, after.subarray(0, change.size), after]));
    case "add":
      return Uint8Array.from(Buffer.concat([before, change.bytes, after]));
    default:
      return overwritten(bytes, at, change);
  }
}

function overwritten(
  bytes: Uint8Array,
  at: number,
  change: Extract<Mutation, { readonly kind: "set" | "number" | "move" }>,
): Uint8Array {
  const out = bytes.slice();
  if (change.kind === "set") out.set([change.byte].slice(0, out.length - at), at);
  else if (change.kind === "move") {
    const to = Math.floor(change.to * bytes.length);
    out.set(bytes.subarray(at, at + change.size).subarray(0, out.length - to), to);
  } else {
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(BigInt.asUintN(64, change.value));
    out.set(number.subarray(0, Math.min(change.size, out.length - at)), at);
  }
  return out;
}
