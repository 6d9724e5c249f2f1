/** A laboratory that DataJoint wrote, opened as it is: every value of its rows and stores through the API. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const fixture = join(import.meta.dirname, "../fixtures/datajoint");
const cold = {
  hash_prefix: "blobs",
  schema_prefix: "arrays",
  filepath_prefix: "raw",
  subfolding: [2, 2],
  partition_pattern: "{subject}/{session_date}",
  token_length: 12,
};
const inherited = {
  dump: readFileSync(join(fixture, "dump.sql"), "utf8"),
  store: join(fixture, "store"),
  settings: { cold },
};

// biome-ignore lint/suspicious/noExplicitAny: neutral values of every kind
type Neutral = any;
interface Row {
  readonly values: Readonly<Record<string, Neutral>>;
}
const expected: { schemas: Record<string, Record<string, { rows: Row[] }>> } = JSON.parse(
  readFileSync(join(fixture, "expected.json"), "utf8"),
);
const rowsOf = (schema: string, table: string) => expected.schemas[schema]?.[table]?.rows ?? [];

/** Long bytes as the fixture gives them: digest and head. */
function shortened(value: Neutral): Neutral {
  if (Array.isArray(value)) return value.map(shortened);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.hex === "string" && value.size > 2048) {
    const bytes = Buffer.from(value.hex, "hex");
    const { hex: _, ...rest } = value;
    return {
      ...rest,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      head: value.hex.slice(0, 128),
    };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shortened(item)]));
}

const blobs = `extend schema @database(schema: "djf_blobs")
type Inline @table { name: String! @key @column(type: "varchar(40)") value: Blob @codec(name: "blob") }
type Stored @table {
  name: String! @key @column(type: "varchar(40)")
  main: Blob @codec(name: "blob", store: "default")
  cold: Blob @codec(name: "blob", store: "cold")
}`;

describe("djf_blobs", () => {
  let laboratory: Awaited<ReturnType<typeof openLaboratory>>;
  beforeAll(async () => {
    laboratory = await openLaboratory(blobs, {}, inherited);
  });

  it.each([
    ["inline", "inlines", ["value"]],
    ["stored", "storeds", ["main", "cold"]],
  ])("answers every value of %s in its lossless form", async (table, list, columns) => {
    const rows = rowsOf("djf_blobs", table);
    expect(rows.length).toBeGreaterThan(5);
    const selection = columns.map((column) => `${column} { tagged }`).join(" ");
    const data = await laboratory.data(`{ ${list}(first: 1000) { nodes { name ${selection} } } }`);
    const found = new Map<string, Answer>(data[list].nodes.map((node: Answer) => [node.name, node]));
    for (const { values } of rows) {
      for (const column of columns) {
        const value = found.get(values["name"].v)?.[column]?.tagged ?? { t: "null" };
        expect({ name: values["name"].v, value: shortened(value) }).toEqual({
          name: values["name"].v,
          value: values[column],
        });
      }
    }
  });
});

const objects = `extend schema @database(schema: "djf_objects")
type Item @table {
  subject: String! @key @column(type: "varchar(20)")
  sessionDate: Date! @key
  k: DateTime! @key
  n: Decimal! @key @column(type: "decimal(6,2)")
  flag: Boolean! @key
  at0: File @codec(name: "attach")
  at1: File @codec(name: "attach", store: "default")
  at2: File @codec(name: "attach", store: "cold")
  h1: File @codec(name: "hash", store: "default")
  h2: File @codec(name: "hash", store: "cold")
  o1: Tree @codec(name: "object", store: "main")
  o2: Tree @codec(name: "object", store: "cold")
  n1: NdArray @codec(name: "npy", store: "main")
  n2: NdArray @codec(name: "npy", store: "cold")
  f1: FileRef @codec(name: "filepath", store: "main")
  f2: FileRef @codec(name: "filepath", store: "cold")
}`;

const file = "{ name sizeBytes digest }";
const itemQuery = `{ items(first: 100) { nodes { subject k at0 ${file} at1 ${file} at2 ${file} h1 ${file} h2 ${file}
  o1 { sizeBytes itemCount isDirectory entries { path sizeBytes } } o2 { sizeBytes itemCount isDirectory entries { path sizeBytes } }
  n1 { dtype shape base64 } n2 { dtype shape base64 } f1 { path sizeBytes isDirectory } f2 { path sizeBytes isDirectory } } } }`;

const digestOf = (raw: Neutral) =>
  `sha256:${raw.sha256 ?? createHash("sha256").update(Buffer.from(raw.hex, "hex")).digest("hex")}`;
const bytesOf = (raw: Neutral) => ({ size: raw.size, digest: digestOf(raw) });
/** The fixture gives elements in little endian, the API in the order of the dtype. */
const decoded = (base64: string, dtype: string) => {
  const bytes = Buffer.from(base64, "base64");
  if (dtype === ">i4") bytes.swap32();
  else expect(dtype).not.toMatch(/^>/);
  return { size: bytes.length, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
};

/** What both sides can say of a value, by its kind. */
const comparable: Readonly<
  Record<string, { theirs: (value: Neutral) => unknown; ours: (value: Answer) => unknown }>
> = {
  attach: {
    theirs: (value) => ({ name: value.filename, ...bytesOf(value.content) }),
    ours: (value) => ({ name: value.name, size: Number(value.sizeBytes), digest: value.digest }),
  },
  bytes: { theirs: bytesOf, ours: (value) => ({ size: Number(value.sizeBytes), digest: value.digest }) },
  object: {
    theirs: (value) => ({
      size: value.size,
      isTree: value.is_dir,
      items: value.item_count,
      // The fixture's paths begin with the name of the downloaded folder.
      files:
        value.files?.map(([path, raw]: [string, Neutral]) => [path.replace(/^[^/]*\//, ""), raw.size]) ??
        null,
    }),
    ours: (value) => ({
      size: Number(value.sizeBytes),
      isTree: value.isDirectory,
      items: value.itemCount,
      files: value.entries?.map((entry: Answer) => [entry.path, Number(entry.sizeBytes)]) ?? null,
    }),
  },
  npy: {
    theirs: (value) => ({
      dtype: value.meta_dtype,
      shape: value.meta_shape,
      ...(value.array.data === undefined ? {} : bytesOf(value.array.data)),
    }),
    ours: (value) => ({ dtype: value.dtype, shape: value.shape, ...decoded(value.base64, value.dtype) }),
  },
  filepath: {
    theirs: (value) => ({ path: value.path, size: value.size, isDirectory: value.is_dir }),
    ours: (value) => ({
      path: value.path,
      size: value.sizeBytes === null ? null : Number(value.sizeBytes),
      isDirectory: value.isDirectory,
    }),
  },
};

describe("djf_objects", () => {
  it("answers every object of both stores: names, sizes, digests, elements, files of folders", async () => {
    const laboratory = await openLaboratory(objects, {}, inherited);
    const { items } = await laboratory.data(itemQuery);
    const found = new Map<string, Answer>(items.nodes.map((node: Answer) => [node.k, node]));
    let compared = 0;
    for (const { values } of rowsOf("djf_objects", "item")) {
      const node = found.get(`${values["k"].v.replace(/0+$/, "")}Z`);
      for (const column of ["at0", "at1", "at2", "h1", "h2", "o1", "o2", "n1", "n2", "f1", "f2"]) {
        const value = values[column];
        if (value.t === "null") expect(node?.[column]).toBeNull();
        else {
          const { theirs, ours } = comparable[value.t] ?? {};
          const place = { k: values["k"].v, column };
          const text = value.t === "npy" && value.array.data === undefined;
          const shown = ours?.(node[column]);
          expect({
            ...place,
            value: text ? { dtype: node[column].dtype, shape: node[column].shape } : shown,
          }).toEqual({ ...place, value: theirs?.(value) });
          compared += 1;
        }
      }
    }
    expect(compared).toBeGreaterThan(25);
  });
});
