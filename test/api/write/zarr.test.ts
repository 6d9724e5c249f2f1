import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plainFolder } from "../../codecs/zarr-folders.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Session @table {
  session: Int! @key
  volume: Zarr @codec(name: "zarr", store: "main")
  packed: Blob @codec(name: "blob")
}
`);

const create =
  "mutation ($input: CreateSessionInput!) { createSession(input: $input) { affected { count } } }";
const back = `mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { volume {
  dtype shape chunks zarrFormat sizeBytes itemCount arrays { path dtype shape chunks } attributes
  row: values(slice: [{ index: 1 }]) base64 statistics { count nanCount min max mean std } } } } }`;

async function* bytes(content: Uint8Array) {
  yield content;
}

const rowOf = async (session: number) =>
  (await world.rows("lab.session")).find((row: { session: number }) => row.session === session);

test("an array by value becomes a folder that is one object", async () => {
  const values = { dtype: "float64", shape: [2, 3], data: [1, 2, "NaN", 4, 5, "Infinity"] };
  const { createSession } = await world.data(back, { input: { session: 1, volume: { values } } });
  const { sizeBytes, base64, ...volume } = createSession.session.volume;
  expect(volume).toEqual({
    ...{ dtype: "float64", shape: [2, 3], chunks: [2, 3], zarrFormat: 3, itemCount: 2, attributes: {} },
    arrays: [{ path: "", dtype: "float64", shape: [2, 3], chunks: [2, 3] }],
    row: [4, 5, "Infinity"],
    statistics: { count: "5", nanCount: "1", min: 1, max: "Infinity", mean: null, std: null },
  });
  expect(Buffer.from(base64, "base64").length).toBe(48);
  const row = await rowOf(1);
  // The keys of a folder that DataJoint writes, then ours.
  expect(Object.keys(row.volume).toSorted()).toEqual([
    "arrays",
    "chunks",
    "dtype",
    "ext",
    "is_dir",
    "item_count",
    "path",
    "shape",
    "size",
    "store",
    "timestamp",
    "zarr_format",
  ]);
  expect(row.volume).toMatchObject({
    path: expect.stringMatching(/^_schema\/lab\/session\/session=1\/volume_.{8}\.zarr$/),
    ...{ store: "main", size: Number(sizeBytes), ext: null, is_dir: true, item_count: 2 },
    timestamp: expect.stringMatching(/^20.*\+00:00$/),
  });
  const folder = join(world.folder, "main", row.volume.path);
  expect((await readdir(folder, { recursive: true })).toSorted()).toEqual(["c", "c/0", "c/0/0", "zarr.json"]);
  const manifest = JSON.parse(await readFile(`${folder}.manifest.json`, "utf8"));
  expect(manifest).toMatchObject({ total_size: Number(sizeBytes), item_count: 2 });
  const found = await world.db.query(
    "SELECT tree, size::text AS size, verified_at IS NOT NULL AS verified FROM holdfast.object WHERE locator = $1",
    [`main:${row.volume.path}`],
  );
  expect(found.rows).toEqual([{ tree: true, size: sizeBytes, verified: true }]);
  expect((await world.db.query("SELECT FROM holdfast.upload")).rowCount).toBe(0);
});

test("a folder is uploaded, looked at, and read", async () => {
  const upload = async (files: Record<string, Uint8Array>, session: number) => {
    const { createUpload: made } = await world.data(
      "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }",
      {
        input: {
          ...{
            target: { type: "Session", field: "volume", key: { session } },
            filename: "v.zarr",
            kind: "TREE",
          },
        },
      },
    );
    for (const [path, content] of Object.entries(files))
      await world.services.objects.uploads.receive(made.id, bytes(content), { path });
    await world.data("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: made.id });
    return { input: { session, volume: { upload: made.id } } };
  };
  const files = plainFolder([4, 4], [2, 2]);
  const { createSession } = await world.data(back, await upload(files, 2));
  expect(createSession.session.volume).toMatchObject({
    ...{ dtype: "int32", shape: [4, 4], chunks: [2, 2], zarrFormat: 2, itemCount: 5, row: [4, 5, 6, 7] },
    statistics: { count: "16", nanCount: "0", min: 0, max: 15, mean: 7.5 },
  });
  const broken = await world.fault(create, await upload({ ...files, "1.1": new Uint8Array(3) }, 3));
  expect(broken.extensions).toMatchObject({ code: "CODEC_INVALID_VALUE", field: "input.volume" });
  expect(broken.message).toMatch(/1\.1 has 3 bytes; a chunk of this array has 16/);
});

test("what Zarr cannot hold is refused before anything is written", async () => {
  const before = await readdir(join(world.folder, "main"), { recursive: true });
  const record = { dtype: "[('a', '<i4')]", shape: [1], data: "AQAAAA==" };
  const fault = await world.fault(create, { input: { session: 4, volume: { base64: record } } });
  expect(fault.extensions).toMatchObject({ code: "CODEC_INVALID_VALUE", field: "input.volume" });
  expect(await readdir(join(world.folder, "main"), { recursive: true })).toEqual(before);
});

test("statistics of a blob are of its array", async () => {
  const ask = `mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { packed {
    statistics(slice: [{ step: 2 }]) { count nanCount min max mean std } } } } }`;
  const array = { dtype: "int64", shape: [3], data: ["9223372036854775807", 5, "9223372036854775806"] };
  const { createSession } = await world.data(ask, { input: { session: 5, packed: { array } } });
  expect(createSession.session.packed.statistics).toMatchObject({
    ...{ count: "2", nanCount: "0", min: "9223372036854775806", max: "9223372036854775807" },
  });
  const none = await world.data(ask, { input: { session: 6, packed: { json: [1, 2] } } });
  expect(none.createSession.session.packed.statistics).toBeNull();
});
