import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import zarr from "../../codecs/zarr.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { isServiceError } from "../../src/errors.ts";

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly arrays: Readonly<Record<string, { readonly values: unknown }>>;
}

const cases: Case[] = JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/zarr/cases.json`, "utf8"));
const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };
const encoding = { schema: "s", table: "t", field: "f", inStore: true, args: {} };
const codes = ["CODEC_CORRUPT", "LIMIT_EXCEEDED", "CODEC_INVALID_VALUE"];
const folders = cases.map(({ files }) =>
  Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, Uint8Array.from(Buffer.from(text, "base64"))]),
  ),
);

const place = fc.nat({ max: 2 ** 20 });
const changes = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), place, byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant("flip" as const), place, byte: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant("cut" as const), place, byte: fc.constant(0) }),
  fc.record({ kind: fc.constant("insert" as const), place, byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant("digit" as const), place, byte: fc.integer({ min: 48, max: 57 }) }),
  fc.record({ kind: fc.constant("length" as const), place, byte: fc.integer({ min: 0, max: 255 }) }),
);
type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never;

function changed(bytes: Uint8Array, { kind, place: at, byte }: Change): Uint8Array {
  if (bytes.length === 0) return bytes;
  const out = Buffer.from(bytes);
  const i = at % bytes.length;
  if (kind === "cut") return out.subarray(0, i);
  if (kind === "insert") return Buffer.concat([out.subarray(0, i), Buffer.from([byte]), out.subarray(i)]);
  if (kind === "flip") out[i] = (out[i] ?? 0) ^ (1 << byte);
  else if (kind === "set") out[i] = byte;
  else if (kind === "length") out[at % Math.min(32, bytes.length)] = byte;
  else {
    // One of the digits of the metadata becomes several.
    const digits = [...bytes.entries()].filter(([, code]) => code >= 48 && code <= 57);
    const [to = 0] = digits[at % Math.max(1, digits.length)] ?? [];
    return Buffer.concat([
      out.subarray(0, to),
      Buffer.from(String(byte).repeat(1 + (at % 10))),
      out.subarray(to),
    ]);
  }
  return out;
}

const damages = fc.record({
  folder: fc.nat({ max: folders.length - 1 }),
  files: fc.array(fc.record({ file: place, changes: fc.array(changes, { minLength: 1, maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 2,
  }),
});

async function honest(work: () => Promise<unknown>): Promise<"value" | "error"> {
  try {
    JSON.stringify(await work());
    return "value";
  } catch (error) {
    if (isServiceError(error) && codes.includes(error.code)) return "error";
    throw error;
  }
}

it("damaged folders give values or honest errors, and nothing is left damaged", async () => {
  const outcomes = { value: 0, error: 0 };
  await fc.assert(
    fc.asyncProperty(damages, async ({ folder, files }) => {
      const damaged: Record<string, Uint8Array> = { ...folders[folder] };
      for (const { file, changes: list } of files) {
        const paths = Object.keys(damaged);
        const path = paths[file % paths.length] ?? "";
        damaged[path] = list.reduce(changed, damaged[path] ?? new Uint8Array());
      }
      const stored = storedValueOf(damaged);
      const path = Object.keys(cases[folder]?.arrays ?? {})[0] ?? "";
      for (const name of ["values", "statistics", "attributes", "arrays"]) {
        outcomes[await honest(async () => zarr.fields[name]?.read?.(stored, { path }, context))] += 1;
      }
      await honest(async () => zarr.upload?.inspect({ filename: "x.zarr", value: stored }, encoding));
    }),
    { numRuns: 6000 },
  );
  expect(outcomes.value).toBeGreaterThan(1000);
  expect(outcomes.error).toBeGreaterThan(1000);
  for (const [i, { arrays }] of cases.entries()) {
    for (const [path, { values }] of Object.entries(arrays)) {
      expect(await zarr.fields["values"]?.read?.(storedValueOf(folders[i] ?? {}), { path }, context)).toEqual(
        values,
      );
    }
  }
}, 300_000);
