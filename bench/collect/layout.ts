/** What lies in the store: object `n` of the benchmark, its files, and the value that a row has of it. The same at every run. */

import { createHash } from "node:crypto";
import { base32 } from "../../src/object/digest.ts";

/** One object in twenty is garbage. */
const garbageEvery = 20;
/** Of the garbage one in five is known to nobody; the rest has lost its row. */
const unknownEvery = 100;
const schema = "bench";

export type Kind = "frame" | "trace" | "movie";

/** One object: what is to be written, and what is to be recorded. */
export interface Item {
  readonly n: number;
  readonly kind: Kind;
  /** In the store. */
  readonly path: string;
  readonly files: readonly (readonly [path: string, bytes: Buffer])[];
  /** Of the object; a manifest does not count. */
  readonly sizeBytes: number;
  /** 64 hex digits; a folder has none. */
  readonly sha256: string | undefined;
  /** No row has it. */
  readonly isGarbage: boolean;
  /** The database has an object and a hold for it. */
  readonly isKnown: boolean;
  /** JSON of the column. */
  readonly value: object;
}

/** How many of `count` objects are garbage. */
export function garbageOf(count: number): number {
  return Math.floor(count / garbageEvery);
}

/** Objects 1 to `count`. */
export function* items(count: number, which: "all" | "garbage" = "all"): Generator<Item> {
  const step = which === "all" ? 1 : garbageEvery;
  for (let n = step; n <= count; n += step) yield itemOf(n);
}

function itemOf(n: number): Item {
  const state = { n, isGarbage: n % garbageEvery === 0, isKnown: n % unknownEvery !== 0 };
  // Spread over the numbers, whatever the garbage is.
  const share = (Math.imul(n, 2_654_435_761) >>> 12) % 1000;
  if (share < 2) return { ...state, ...movie(n) };
  return { ...state, ...(share < 202 ? trace(n) : frame(n)) };
}

type Content = Omit<Item, "n" | "isGarbage" | "isKnown">;

function frame(n: number): Content {
  const bytes = Buffer.from(`frame ${n}`.padEnd(200, "."));
  const hash = base32(createHash("md5").update(bytes).digest());
  const path = `_hash/${schema}/${hash}`;
  const value = { hash, path, schema, store: "main", size: bytes.length };
  return { ...file("frame", path, bytes), value };
}

const npyHeader = Buffer.concat([
  Buffer.from([0x93]),
  Buffer.from("NUMPY"),
  Buffer.from([1, 0, 118, 0]),
  Buffer.from("{'descr': '<f8', 'fortran_order': False, 'shape': (16,), }".padEnd(117, " ")),
  Buffer.from("\n"),
]);

function trace(n: number): Content {
  const samples = Float64Array.from({ length: 16 }, (_, at) => n + at / 16);
  const path = `_schema/${schema}/trace/trace_id=${n}/voltage_${token(n)}.npy`;
  const value = { path, store: "main", dtype: "float64", shape: [16] };
  return { ...file("trace", path, Buffer.concat([npyHeader, Buffer.from(samples.buffer)])), value };
}

function file(kind: Kind, path: string, bytes: Buffer): Omit<Content, "value"> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { kind, path, files: [[path, bytes]], sizeBytes: bytes.length, sha256 };
}

function movie(n: number): Content {
  const path = `_schema/${schema}/movie/movie_id=${n}/movie_${token(n)}`;
  const inside = [".zarray", "c/0", "c/1"].map((name) => [name, Buffer.from(`${name} ${n}`)] as const);
  const sizeBytes = inside.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const about = { total_size: sizeBytes, item_count: inside.length };
  const manifest = {
    files: inside.map(([name, bytes]) => ({ path: name, size: bytes.length })),
    ...about,
    created: "2026-01-01T00:00:00+00:00",
  };
  return {
    kind: "movie",
    path,
    files: [
      ...inside.map(([name, bytes]) => [`${path}/${name}`, bytes] as const),
      [`${path}.manifest.json`, Buffer.from(JSON.stringify(manifest, null, 2))],
    ],
    sizeBytes,
    sha256: undefined,
    value: {
      path,
      store: "main",
      size: sizeBytes,
      ext: null,
      is_dir: true,
      item_count: inside.length,
      timestamp: manifest.created,
    },
  };
}

/** Eight characters, the same for the same number. */
function token(n: number): string {
  return createHash("md5").update(`token ${n}`).digest("base64url").slice(0, 8);
}
