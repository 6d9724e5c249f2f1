/** Random values of codecs that ship: what is sent, and what every field of their output type must say. */

import { createHash } from "node:crypto";
import type { CodecUse } from "../../src/model/model.ts";
import { arrayInput } from "./array-values.ts";
import { documentFile, sentJson, table, textFile, zarr } from "./file-values.ts";
import type { Random } from "./random.ts";
import { type Given, jsonValue, withoutNegativeZero, words } from "./scalar-values.ts";
import { taggedOfJson, taggedValue } from "./tagged-values.ts";

/** What values need beside chance. */
export interface CodecSource {
  /** Files and folders of the user's own, by store. */
  readonly ownFiles: ReadonlyMap<string, readonly OwnFile[]>;
  /** Sends files through an upload for the field, and answers its id. `""` is the path of a single file. */
  upload(filename: string, files: ReadonlyMap<string, Buffer>): Promise<string>;
}

export interface OwnFile {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
}

/** What is asked of each output type. */
export const codecSelections: Readonly<Record<string, string>> = {
  blob: "{ kind sizeBytes tagged json array { dtype shape data } shape values base64 url }",
  attach: "{ name mediaType sizeBytes digest text url }",
  hash: "{ name sizeBytes digest text url }",
  npy: "{ dtype shape sizeBytes values base64 url }",
  object: "{ sizeBytes itemCount isDirectory entries(first: 1000) { path sizeBytes } url }",
  filepath: "{ path store sizeBytes isDirectory status url }",
  json: "{ kind sizeBytes value raw url }",
  text: "{ sizeBytes length lineCount digest text url }",
  zarr: "{ dtype shape zarrFormat sizeBytes values base64 url }",
  parquet: "{ format rowCount columnCount sizeBytes rows url }",
};

/** Whether values of the codec are made here. */
export function hasValues({ name }: { readonly name: string }): boolean {
  return Object.hasOwn(codecSelections, name);
}

/** A value for a codec field. */
export async function codecValue(random: Random, use: CodecUse, source: CodecSource): Promise<Given> {
  switch (use.name) {
    case "blob":
      return blob(random);
    case "attach":
    case "hash":
      return file(random, { isNamed: use.name === "attach", inStore: use.store !== undefined }, source);
    case "npy":
      return npy(random, source);
    case "object":
      return tree(random, source);
    case "filepath":
      return ownFile(random, source.ownFiles.get(use.store ?? "") ?? []);
    case "json":
      return documentFile(random);
    case "text":
      return textFile(random, use.store === undefined ? undefined : source);
    case "zarr":
      return zarr(random);
    case "parquet":
      return table(random);
    default:
      throw new Error(`No values for the codec ${use.name}.`);
  }
}

/** The answer without what an oracle cannot tell: signed URLs, packed sizes, spellings of floats. */
export function cleanAnswer(use: CodecUse, got: Readonly<Record<string, unknown>> | null): unknown {
  if (got === null) return null;
  const { url, sizeBytes, ...rest } = got;
  if (typeof url !== "string" || !/^http:\/\/127\.0\.0\.1:4000\/d\/[^/]+\/./.test(url)) return { url };
  if (use.name === "json") return { ...rest, hasSize: Number(sizeBytes) > 0 };
  if (use.name === "npy" || use.name === "zarr") return { ...rest, hasSize: Number(sizeBytes) >= 128 };
  if (use.name !== "blob") return { ...rest, sizeBytes };
  const { tagged, json, array, base64, kind, shape, values } = rest;
  const told = jsonIsTold(tagged) ? { json } : {};
  return {
    kind,
    tagged: withoutFloatText(tagged),
    ...told,
    isArray: array !== null,
    elements: agreed({ tagged, array, base64, shape, values }),
    hasSize: Number(sizeBytes) > 4,
  };
}

/** Whether what is told of an array in several ways is the same. */
function agreed(told: Readonly<Record<string, unknown>>): "agree" | { readonly differ: typeof told } {
  const { tagged, array, base64, shape, values } = told;
  const { data } = tagged as { data?: { hex: string } };
  const whole = array as { shape: unknown; data: unknown } | null;
  const isShapeSame = same(shape, whole?.shape ?? null);
  const wanted = data === undefined ? null : Buffer.from(data.hex, "hex").toString("base64");
  const isSame = base64 === wanted && (data === undefined ? values === null : same(values, whole?.data));
  return isSame && isShapeSame ? "agree" : { differ: told };
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function textOf(bytes: Buffer): string | null {
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? text : null;
}

async function file(
  random: Random,
  how: { isNamed: boolean; inStore: boolean },
  source: CodecSource,
): Promise<Given> {
  const isText = random.chance(0.5);
  const content = isText ? Buffer.from(words(random, random.chance(0.1) ? 5000 : 40)) : random.bytes(300);
  const stem = words(random, 20).replace(/[/\\\p{Cc}]/gu, "_");
  const name = `n${stem}.txt`;
  const want = {
    name: how.isNamed ? name : null,
    ...(how.isNamed ? { mediaType: "text/plain" } : {}),
    sizeBytes: String(content.length),
    digest: digestOf(content),
    text: textOf(content),
  };
  if (how.inStore && random.chance(0.05))
    return { input: { upload: await source.upload(name, new Map([["", content]])) }, want };
  const input = isText
    ? { text: { name, content: content.toString("utf8") } }
    : { base64: { name, content: content.toString("base64") } };
  return { input, want };
}

async function npy(random: Random, source: CodecSource): Promise<Given> {
  const { dtype, shape, values, bytes, npyFile } = arrayInput(random);
  const base64 = bytes.toString("base64");
  const want = { dtype, shape, values: withoutNegativeZero(values), base64, hasSize: true };
  if (npyFile !== undefined && random.chance(0.05))
    return { input: { upload: await source.upload("array.npy", new Map([["", npyFile]])) }, want };
  const input = random.chance(0.5)
    ? { values: { dtype, shape, data: values } }
    : { base64: { dtype, shape, data: base64 } };
  return { input, want };
}

async function tree(random: Random, source: CodecSource): Promise<Given> {
  if (random.chance(0.5)) {
    const content = random.bytes(200);
    const upload = await source.upload("raw.dat", new Map([["", content]]));
    return {
      input: { upload },
      want: { sizeBytes: String(content.length), itemCount: null, isDirectory: false, entries: null },
    };
  }
  const paths = ["a.txt", "0/0", "0/1.c", ".zattrs", "deep/er/é 😀.bin"].filter(
    (_, at) => at === 0 || random.chance(0.6),
  );
  const files = new Map(paths.map((path) => [path, random.bytes(60)]));
  const upload = await source.upload("volume.zarr", files);
  const entries = [...files]
    .map(([path, bytes]) => ({ path, sizeBytes: String(bytes.length) }))
    .sort((one, other) => Buffer.compare(Buffer.from(one.path), Buffer.from(other.path)));
  const sizeBytes = String([...files.values()].reduce((sum, bytes) => sum + bytes.length, 0));
  return { input: { upload }, want: { sizeBytes, itemCount: files.size, isDirectory: true, entries } };
}

function ownFile(random: Random, files: readonly OwnFile[]): Given {
  const { path, isDirectory, sizeBytes } = random.pick(files);
  const want = { path, isDirectory, sizeBytes: isDirectory ? null : String(sizeBytes), status: "PRESENT" };
  return { input: { path }, want };
}

function blob(random: Random): Given {
  const form = random.below(3);
  if (form === 0) {
    const json = sentJson(jsonValue(random, 3)) ?? 7;
    const tagged = taggedOfJson(json);
    return {
      input: { json },
      want: { kind: kindOf(tagged), tagged, json, isArray: false, elements: "agree", hasSize: true },
    };
  }
  if (form === 1) {
    const tagged = taggedValue(random, 3);
    const isArray = kindOf(tagged) === "ndarray";
    const want = { kind: kindOf(tagged), tagged, isArray, elements: "agree", hasSize: true };
    return { input: { tagged }, want: jsonIsTold(tagged) ? { ...want, json: jsonOfTagged(tagged) } : want };
  }
  const { dtype, descr, shape, values, bytes } = arrayInput(random, { forBlob: true });
  const data = { size: bytes.length, hex: bytes.toString("hex") };
  return {
    input: random.chance(0.5)
      ? { array: { dtype, shape, data: values } }
      : { arrayBase64: { dtype, shape, data: bytes.toString("base64") } },
    want: {
      kind: "ndarray",
      tagged: { t: "ndarray", dtype: descr, shape, data },
      isArray: true,
      elements: "agree",
      hasSize: true,
    },
  };
}

interface Tagged {
  readonly t: string;
  readonly v?: unknown;
  readonly items?: unknown;
}

// Every value here was made by tagged-values.ts, or came from the field `tagged`.
const asTagged = (value: unknown): Tagged => value as Tagged;
const kindOf = (value: unknown): string => asTagged(value).t;

/** Kinds whose plain JSON this oracle knows: all of what plain JSON makes. */
function jsonIsTold(tagged: unknown): boolean {
  const { t, items, v } = asTagged(tagged);
  if (t === "list") return Array.isArray(items) && items.every(jsonIsTold);
  if (t === "dict")
    return Array.isArray(items) && items.every(([key, item]) => kindOf(key) === "str" && jsonIsTold(item));
  if (t === "int") return Number.isSafeInteger(Number(v));
  return (
    ["null", "bool", "str"].includes(t) ||
    (t === "float" && !Object.is(floatOf(tagged), -0) && Number.isFinite(floatOf(tagged)))
  );
}

function floatOf(tagged: unknown): number {
  const { bits } = tagged as { bits?: string };
  return new Float64Array(new BigUint64Array([BigInt(`0x${bits ?? "0"}`)]).buffer)[0] ?? 0;
}

function jsonOfTagged(tagged: unknown): unknown {
  const { t, v, items } = asTagged(tagged);
  if (t === "list" && Array.isArray(items)) return items.map(jsonOfTagged);
  if (t === "dict" && Array.isArray(items))
    return Object.fromEntries(items.map(([key, item]) => [asTagged(key).v, jsonOfTagged(item)]));
  if (t === "float") return floatOf(tagged);
  return t === "int" ? Number(v) : t === "null" ? null : v;
}

/** Without the decimal spelling of floats; their bits tell the value. */
function withoutFloatText(tagged: unknown): unknown {
  if (Array.isArray(tagged)) return tagged.map(withoutFloatText);
  if (typeof tagged !== "object" || tagged === null) return tagged;
  const isFloat = "t" in tagged && tagged.t === "float";
  const entries = Object.entries(tagged).filter(([key]) => !(isFloat && key === "v"));
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutFloatText(item)]));
}
