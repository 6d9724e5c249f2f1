/** Rows and paths that we write, held against those that DataJoint 2.3.5 wrote itself. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

interface Stored {
  readonly json?: Record<string, unknown>;
  readonly text?: string;
}
interface PeerTable {
  readonly columns: Record<string, { comment: string | null }>;
  readonly rows: readonly { readonly stored: Record<string, Stored | null> }[];
}

const file = join(import.meta.dirname, "../../fixtures/datajoint/expected.json");
const peer: { schemas: Record<string, Record<string, PeerTable>> } = JSON.parse(await readFile(file, "utf8"));
const items = peer.schemas["djf_objects"]?.["item"]?.rows ?? [];

const world = await openWorld(`
type Item @table {
  subject: String! @key @column(type: "varchar(20)")
  sessionDate: Date! @key
  k: DateTime! @key
  n: Decimal! @key @column(type: "decimal(6,2)")
  flag: Boolean! @key
  blob: Blob @codec(name: "blob", store: "main")
  attach: File @codec(name: "attach", store: "main")
  hash: File @codec(name: "hash", store: "main")
  object: Tree @codec(name: "object", store: "main")
  npy: NdArray @codec(name: "npy", store: "main")
  filepath: FileRef @codec(name: "filepath", store: "cold")
}
`);
const create = "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { subject } } }";

/** Key parts of a path as DataJoint encoded them. */
function keyParts(path: unknown): string[] {
  return String(path)
    .split("/")
    .filter((part) => /^(subject|session_date|k|n|flag)=/.test(part))
    .toSorted();
}

const keys = items.flatMap(({ stored }) => {
  const [subject, day, k, n, flag] = ["subject", "session_date", "k", "n", "flag"].map(
    (name) => stored[name]?.text ?? "",
  );
  const paths = ["o1", "o2", "n1", "n2"].map((name) => stored[name]?.json?.["path"]);
  const path = paths.find((one) => keyParts(one).length === 5);
  return path === undefined ? [] : [{ subject, day, k, n, flag, path }];
});

test("the fixture has keys to compare", () => expect(keys.length).toBeGreaterThan(2));

test.each(keys)("spells the key of $path as the peer does", async ({ subject, day, k, n, flag, path }) => {
  const input = {
    subject,
    sessionDate: day,
    k: `${k?.replace(" ", "T")}Z`,
    n,
    flag: flag === "true",
    npy: { values: { dtype: "int16", shape: [1], data: [1] } },
  };
  await world.db.query("TRUNCATE lab.item");
  await world.data(create, { input });
  const [row] = await world.rows("lab.item");
  expect(keyParts(row.npy.path)).toEqual(keyParts(path));
});

test("the JSON of each codec has the peer's keys, with values of the same type", async () => {
  await mkdir(join(world.folder, "cold/rig"), { recursive: true });
  await writeFile(join(world.folder, "cold/rig/raw.dat"), "raw!");
  const { createUpload } = await world.data(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }",
    {
      input: { target: { type: "Item", field: "object" }, filename: "a.csv" },
    },
  );
  await world.services.objects.uploads.receive(
    createUpload.id,
    (async function* () {
      yield Buffer.from("1,2");
    })(),
    {},
  );
  await world.db.query("TRUNCATE lab.item");
  await world.data(create, {
    input: {
      subject: "x",
      sessionDate: "2024-01-01",
      k: "2024-01-01T00:00:00Z",
      n: "1",
      flag: false,
      blob: { json: { a: 1 } },
      attach: { text: { name: "a.txt", content: "x" } },
      hash: { base64: { content: "AAEC" } },
      object: { upload: createUpload.id },
      npy: { values: { dtype: "float64", shape: [2, 1], data: [[1], [2]] } },
      filepath: { path: "rig/raw.dat" },
    },
  });
  const [row] = await world.rows("lab.item");
  const seen = new Set<string>();
  for (const { codec, json } of peerValues()) {
    if (json["is_dir"] === true) continue;
    seen.add(codec);
    for (const [key, value] of Object.entries(json))
      expect([codec, key, kindOf(key, row[codec][key])]).toEqual([codec, key, kindOf(key, value)]);
  }
  expect([...seen].sort()).toEqual(["attach", "blob", "filepath", "hash", "npy", "object"]);
});

/** Every stored JSON of a codec with a store that the peer wrote. */
function* peerValues(): Generator<{ codec: string; json: Record<string, unknown> }> {
  for (const schema of Object.values(peer.schemas)) {
    for (const { columns, rows } of Object.values(schema)) {
      for (const [name, { comment }] of Object.entries(columns)) {
        const codec = /^:<(blob|attach|hash|object|npy|filepath)@/.exec(comment ?? "")?.[1];
        if (codec === undefined) continue;
        for (const { stored } of rows) {
          const json = stored[name]?.json;
          if (json !== undefined) yield { codec, json };
        }
      }
    }
  }
}

/** Type of a JSON value. Extension and item count are null for some objects and a value for others. */
function kindOf(key: string, value: unknown): string {
  if (value === undefined) return "absent";
  if (key === "ext" || key === "item_count") return "optional";
  return Array.isArray(value) ? "list" : typeof value;
}
