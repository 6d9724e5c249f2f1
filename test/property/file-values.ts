/** Random values of the codecs that DataJoint does not have: JSON, text, Zarr and tables. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { arrayInput } from "./array-values.ts";
import type { CodecSource } from "./codec-values.ts";
import type { Random } from "./random.ts";
import { type Given, jsonValue, withoutNegativeZero, words } from "./scalar-values.ts";

/** JSON as codecs take it by value: no whole number beyond 2^53, which may have been rounded on its way, and no negative zero. */
export function sentJson(value: unknown): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) return 0.5;
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(sentJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sentJson(item)]));
}

const kindOf = (json: unknown): string =>
  json === null ? "null" : Array.isArray(json) ? "array" : typeof json;

/** Names in the order of their UTF-16 units, no spaces. */
function canonical(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map(canonical).join(",")}]`;
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  const entries = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(",")}}`;
}

/** Texts whose digits a 64-bit float would lose, as they are answered. */
const exact: readonly { readonly raw: string; readonly value: unknown }[] = [
  { raw: "12345678901234567890", value: "12345678901234567890" },
  { raw: '{"a":0.10000000000000000555}', value: { a: "0.10000000000000000555" } },
  { raw: "[1.50,1e400,-0.0]", value: [1.5, "1e400", 0] },
];

export function documentFile(random: Random): Given {
  if (random.chance(0.2)) {
    const { raw, value } = random.pick(exact);
    return { input: { raw: ` ${raw} ` }, want: { kind: kindOf(JSON.parse(raw)), value, raw, hasSize: true } };
  }
  const json = random.chance(0.1)
    ? { numbers: Array.from({ length: 200 }, (_, at) => at % 7) }
    : sentJson(jsonValue(random, 3));
  const raw = canonical(json);
  // Of one input one member is given, and null is none.
  const input = json !== null && random.chance(0.5) ? { json } : { raw };
  // Names come back in the order in which they are stored.
  return { input, want: { kind: kindOf(json), value: JSON.parse(raw), raw, hasSize: true } };
}

export async function textFile(random: Random, source: CodecSource | undefined): Promise<Given> {
  const count = random.chance(0.1) ? 300 : random.below(4);
  const lines = Array.from({ length: count }, () => words(random, 20).replaceAll(/[\r\n]/g, " "));
  const text = lines.join("\n") + (random.chance(0.5) && count > 0 ? "\n" : "");
  const bytes = Buffer.from(text);
  const ends = text.split("\n").length - 1;
  const want = {
    sizeBytes: String(bytes.length),
    length: String([...text].length),
    lineCount: String(text === "" || text.endsWith("\n") ? ends : ends + 1),
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    text,
  };
  if (source !== undefined && random.chance(0.1))
    return { input: { upload: await source.upload("notes.txt", new Map([["", bytes]])) }, want };
  return { input: { text }, want };
}

export function zarr(random: Random): Given {
  const { dtype, shape, values, bytes } = arrayInput(random, { forBlob: true });
  const want = {
    ...{ dtype, shape, zarrFormat: 3, values: withoutNegativeZero(values) },
    ...{ base64: bytes.toString("base64"), hasSize: true },
  };
  return { input: { values: { dtype, shape, data: values } }, want };
}

const fixtures = join(import.meta.dirname, "../fixtures/parquet");
const expected: Readonly<Record<string, readonly object[]>> = JSON.parse(
  readFileSync(join(fixtures, "expected.json"), "utf8"),
);
const tables = ["int96", "v1_gzip", "v2_zstd"].map((name) => {
  const bytes = readFileSync(join(fixtures, `${name}.parquet`));
  const rows = expected[name] ?? [];
  const want = {
    ...{ format: "parquet", rowCount: String(rows.length), columnCount: Object.keys(rows[0] ?? {}).length },
    ...{ sizeBytes: String(bytes.length), rows },
  };
  return { input: { base64: bytes.toString("base64") }, want };
});

/** Tables that another program has written. */
export function table(random: Random): Given {
  return random.pick(tables);
}
