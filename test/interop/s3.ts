/** DataJoint-Python and Holdfast over one S3 store: each reads what the other wrote, by every codec that keeps its bytes there. */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { createUpload, put, send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type S3Server, startS3, storeOn } from "../s3/support/server.ts";
import { versitygw } from "../s3/support/sources.ts";
import { find } from "../s3/support/suite.ts";
import { must, python, run } from "./python.ts";

type Check = (name: string, test: () => void | Promise<void>) => Promise<void>;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function equal(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`got ${JSON.stringify(actual)}\nexpected ${JSON.stringify(expected)}`);
}

/** As neutral.py tells bytes. */
function raw(bytes: Buffer): object {
  return bytes.length <= 2048
    ? { size: bytes.length, hex: bytes.toString("hex") }
    : { size: bytes.length, sha256: sha256(bytes), head: bytes.subarray(0, 64).toString("hex") };
}

const own = Buffer.from("a recording that the rig wrote itself");
const files: Readonly<Record<string, Buffer>> = {
  "c/0/0": Buffer.from(Array.from({ length: 256 }, (_, index) => index)),
  empty: Buffer.alloc(0),
  "zarr.json": Buffer.from("{}"),
};

export async function compareOnS3(check: Check): Promise<void> {
  const binary = find(versitygw);
  if (binary === undefined) return;
  process.env["HOLDFAST_TEST_S3"] = `${versitygw.name}:${binary}`;
  const server = await startS3();
  const place = new Place();
  try {
    await compare(check, place, server);
  } finally {
    await place.close();
    await server.close();
  }
}

async function compare(check: Check, place: Place, server: S3Server): Promise<void> {
  const { protocol, location, driver } = storeOn(server, "lab");
  const stores = { default: "main", filepath_default: "main", main: { protocol, location, ...driver } };
  await place.start({ DJ_STORES: JSON.stringify(stores) });
  const config = join(place.folder, "stores.json");
  writeFileSync(config, JSON.stringify(stores));
  const { databaseUrl } = JSON.parse(readFileSync(join(place.data, "server.json"), "utf8"));
  const Key = "lab/rigs/own é.bin";
  await server.client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body: own }));
  const datajoint = (mode: string, rows: string): string =>
    must(
      `with_s3.py ${mode}`,
      run(python, [
        join(import.meta.dirname, "with_s3.py"),
        mode,
        ...["--dsn", databaseUrl, "--schema", "lab", "--stores", config, "--rows", rows],
      ]),
    );
  await check("DataJoint writes and reads arrays, blobs, files, folders and references on S3", () => {
    datajoint("write", "100,101");
  });
  await check("the API serves what DataJoint wrote to S3", () => servesWhatDataJointWrote(place));
  await check("the API writes every codec to S3", () => writes(place));
  await check("DataJoint reads what the API wrote to S3", () => {
    const lines = datajoint("read", "1,2").trim().split("\n");
    equal(JSON.parse(lines.at(-1) ?? "{}"), asDataJointReads);
  });
}

interface Item {
  readonly array: { dtype: string; shape: number[]; values: number[][][] } | null;
  readonly blob: { json: unknown } | null;
  readonly file: { url: string; name: string } | null;
  readonly bytes: { url: string } | null;
  readonly tree: { url: string; isDirectory: boolean };
  readonly own: { url: string } | null;
}

async function itemOf(place: Place, id: number): Promise<Item> {
  const query = `query ($id: Int!) { item(itemId: $id) {
    array { dtype shape values } blob { json } file { url name } bytes { url } tree { url isDirectory } own { url } } }`;
  return (await place.get<{ item: Item }>(query, { id })).item;
}

const bytesAt = async (url: string | undefined): Promise<Buffer> => {
  const { status, bytes, message } = await send(url ?? "");
  if (status !== 200) throw new Error(`${url}: ${status} ${message}`);
  return bytes;
};

async function servesWhatDataJointWrote(place: Place): Promise<void> {
  const item = await itemOf(place, 100);
  const numbers = Array.from({ length: 24 }, (_, index) => Math.fround(index / 7));
  equal([item.array?.dtype, item.array?.shape], ["float32", [2, 3, 4]]);
  equal(item.array?.values.flat(2).map(Math.fround), numbers);
  equal(item.blob?.json, { gain: 2, channels: ["a", "b"], nested: { x: [1, 2.5, null] } });
  equal(item.file?.name, "note é.txt");
  equal((await bytesAt(item.file?.url)).toString(), "attached by DataJoint: é");
  const unit = Buffer.from([0, 1, ...Buffer.from("raw bytes"), 255]);
  equal(sha256(await bytesAt(item.bytes?.url)), sha256(Buffer.concat(Array(5000).fill(unit))));
  for (const [path, content] of Object.entries(files))
    equal((await bytesAt(`${item.tree.url}/${path}`)).toString("hex"), content.toString("hex"));
  equal((await send(`${item.tree.url}/c/9`)).status, 404);
  equal((await bytesAt(item.own?.url)).toString(), own.toString());
  const single = await itemOf(place, 101);
  equal(single.tree.isDirectory, false);
  equal(sha256(await bytesAt(single.tree.url)), sha256(Buffer.from("one file".repeat(1000))));
  equal(single.array, null);
}

const large = Buffer.alloc(9_000_000, "holdfast");
const text = "attached by Holdfast: é";

async function writes(place: Place): Promise<void> {
  const tree = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
  for (const [path, content] of Object.entries(files)) {
    const { status, message } = await put(`${tree.url}/${path}`, content);
    if (status !== 201) throw new Error(`${path}: ${status} ${message}`);
  }
  await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: tree.id });
  const bytes = await createUpload(place, "bytes", { filename: "large.bin" });
  equal((await put(bytes.url, large)).status, 201);
  const single = await createUpload(place, "tree", { filename: "single.dat" });
  equal((await put(single.url, "one file")).status, 201);
  const rows = [
    {
      itemId: 1,
      pictures: [],
      array: { values: { dtype: "int16", shape: [2, 3], data: [1, -2, 3, -4, 5, 32767] } },
      blob: { json: { a: [1, 2.5, "é", null, true] } },
      file: { text: { name: "note é.txt", content: text } },
      bytes: { upload: bytes.id },
      tree: { upload: tree.id },
      own: { path: "rigs/own é.bin" },
    },
    { itemId: 2, pictures: [], tree: { upload: single.id } },
  ];
  await place.get("mutation ($rows: [CreateItemInput!]!) { createItems(rows: $rows) { count } }", { rows });
}

const float = (value: number): object => {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return { t: "float", v: String(value), bits: bits.toString("hex") };
};
const nothing = { t: "null" };
const numbers = Buffer.from(Int16Array.of(1, -2, 3, -4, 5, 32767).buffer);

const asDataJointReads = {
  1: {
    array: {
      t: "npy",
      meta_dtype: "int16",
      meta_shape: [2, 3],
      file_dtype: "<i2",
      fortran_order: false,
      array: { t: "ndarray", dtype: "<i2", shape: [2, 3], data: raw(numbers) },
    },
    blob: {
      t: "dict",
      items: [
        [
          { t: "str", v: "a" },
          {
            t: "list",
            items: [{ t: "int", v: "1" }, float(2.5), { t: "str", v: "é" }, nothing, { t: "bool", v: true }],
          },
        ],
      ],
    },
    file: { t: "attach", filename: "note é.txt", content: raw(Buffer.from(text)) },
    bytes: { t: "bytes", ...raw(large) },
    tree: {
      t: "object",
      is_dir: true,
      ext: ".zarr",
      size: 258,
      item_count: 3,
      files: Object.entries(files).map(([path, content]) => [path, raw(content)]),
    },
    own: { t: "filepath", path: "rigs/own é.bin", size: own.length, is_dir: false, content: raw(own) },
  },
  2: {
    array: nothing,
    blob: nothing,
    file: nothing,
    bytes: nothing,
    tree: {
      t: "object",
      is_dir: false,
      ext: ".dat",
      size: 8,
      item_count: null,
      content: raw(Buffer.from("one file")),
    },
    own: nothing,
  },
};
