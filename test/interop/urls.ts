/**
 * Zarr folders, arrays and HDF5 files of a running service, read by zarr-python 2 and 3, numpy and h5py straight from their URLs, on a file
 * store and on S3. Installs them into `.cache/`.
 */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { put, send } from "../acceptance/support/exchange.ts";
import { type RunningService, startHoldfast } from "../acceptance/support/process.ts";
import { startS3, storeOn } from "../s3/support/server.ts";
import { versitygw } from "../s3/support/sources.ts";
import { find } from "../s3/support/suite.ts";
import { installPython, must, run, runBeside } from "./python.ts";

type Check = (name: string, test: () => void | Promise<void>) => Promise<void>;

const libraries = ["numpy==2.4.6", "fsspec==2026.9.0", "aiohttp==3.13.2"];
const newZarr = [...libraries, "zarr==3.1.3", "h5py==3.15.1"];
const oldZarr = [...libraries, "zarr==2.18.7", "numcodecs==0.15.1"];

const schema = `extend schema @database(schema: "lab")
type Item @table {
  itemId: Int! @key
  folder: Zarr @codec(name: "zarr", store: "main")
  array: NdArray @codec(name: "npy", store: "main")
  file: Hdf5 @codec(name: "hdf5", store: "main")
}
`;

/** By value: what our own writer makes. */
const written = { dtype: "int16", shape: [2, 3], data: [1, -2, 300, 0, 5, 32767] };
const folders = ["v2", "v2-consolidated", "v3", "v3-consolidated", "sharded", "blosc", "gzip"];

/** Where the service keeps the bytes, and how one file is taken away from it. */
interface Store {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  remove(path: string): Promise<void>;
}

export async function compareUrls(check: Check): Promise<void> {
  const made = mkdtempSync(join(tmpdir(), "holdfast-urls-"));
  const pythons = { new: installPython("zarr-urls-3", newZarr), old: installPython("zarr-urls-2", oldZarr) };
  must("make_folders.py", run(pythons.new, [script("make_folders.py"), made]));
  try {
    cpSync(join(made, "gzip.zarr"), join(made, "lost.zarr"), { recursive: true });
    const data = join(made, "data");
    const store = join(data, "stores/main");
    const remove = async (path: string) => rmSync(join(store, path));
    await compareOn({ name: "a file store", settings: {}, remove }, { check, made, pythons, data });
    await onS3((s3) => compareOn(s3, { check, made, pythons, data: join(made, "data-s3") }));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

async function onS3(work: (store: Store) => Promise<void>): Promise<void> {
  const binary = find(versitygw);
  if (binary === undefined) return;
  process.env["HOLDFAST_TEST_S3"] = `${versitygw.name}:${binary}`;
  const server = await startS3();
  try {
    const { protocol, location, driver } = storeOn(server, "lab");
    const stores = { default: "main", main: { protocol, location, ...driver } };
    const remove = async (path: string) => {
      await server.client.send(
        new DeleteObjectCommand({ Bucket: server.bucket, Key: `${location}/${path}` }),
      );
    };
    await work({ name: "S3", settings: { DJ_STORES: JSON.stringify(stores) }, remove });
  } finally {
    await server.close();
  }
}

interface Setting {
  readonly check: Check;
  /** What `make_folders.py` has made. */
  readonly made: string;
  readonly pythons: { readonly new: string; readonly old: string };
  readonly data: string;
}

async function compareOn(store: Store, { check, made, pythons, data }: Setting): Promise<void> {
  const path = join(made, "schema.graphql");
  writeFileSync(path, schema);
  const args = ["--schema", path, "--data", data, "--port", "0", "--no-sample"];
  const service = await startHoldfast(args, { cwd: made, env: store.settings });
  try {
    const urls = await filled(service, made, store);
    const places = join(data, "urls.json");
    const at = (name: string) => ({ url: urls[name], folder: join(made, `${name}.zarr`) });
    const read = async (python: string, names: readonly string[]) => {
      const found = Object.fromEntries(names.map((name) => [name, at(name)]));
      writeFileSync(places, JSON.stringify({ folders: found, lost: at("lost") }));
      const out = must("read_zarr.py", await runBeside(python, [script("read_zarr.py"), places])).trim();
      return JSON.parse(out.split("\n").at(-1) ?? "{}");
    };
    await check(`zarr-python 3 opens the URLs of folders on ${store.name}`, async () => {
      const { checked, statuses, shard, lost } = await read(pythons.new, [...folders, "written"]);
      equal({ checked, statuses }, { checked: 32, statuses: [200, 206, 404, 500] });
      if (!/500/.test(lost)) throw new Error(`a lost chunk: ${lost}`);
      equal(shard.statuses, [206]);
      const whole = readFileSync(join(made, "sharded.zarr/c/0/0")).length;
      if (!(shard.bytes < whole / 2)) throw new Error(`${shard.bytes} bytes of ${whole} for one chunk`);
    });
    await check(`zarr-python 2 opens the URLs of folders of version 2 on ${store.name}`, async () => {
      const { checked, statuses } = await read(pythons.old, ["v2", "v2-consolidated"]);
      equal({ checked, statuses }, { checked: 12, statuses: [200, 404] });
    });
    await check(`numpy and h5py read the URLs of files on ${store.name}`, async () => {
      const files = { npy: "array.npy", hdf5: "scan.h5" };
      const of = ([kind, name]: [string, string]) => [kind, { url: urls[kind], file: join(made, name) }];
      writeFileSync(places, JSON.stringify(Object.fromEntries(Object.entries(files).map(of))));
      must("read_files.py", await runBeside(pythons.new, [script("read_files.py"), places]));
    });
    await check(`what URLs of folders on ${store.name} do not have is 404, with and without bytes`, () =>
      absent(urls["v3"] ?? ""),
    );
  } finally {
    await service.end("SIGTERM");
  }
}

/** Uploads all that was made, writes one array by value; the URL of each by its name. The folder `lost` has lost a chunk then. */
async function filled(service: RunningService, made: string, store: Store): Promise<Urls> {
  const trees = [...folders, "lost"];
  const rows: object[] = [{ itemId: 0, folder: { values: written } }];
  for (const [at, name] of trees.entries()) {
    const upload = await sentFolder(service, { itemId: at + 1, folder: join(made, `${name}.zarr`) });
    rows.push({ itemId: at + 1, folder: { upload } });
  }
  const array = await sentFile(service, "array", join(made, "array.npy"));
  const file = await sentFile(service, "file", join(made, "scan.h5"));
  rows.push({ itemId: rows.length, array: { upload: array }, file: { upload: file } });
  await ask(service, "mutation ($rows: [CreateItemInput!]!) { createItems(rows: $rows) { count } }", {
    rows,
  });
  const { items } = await ask<{ items: { nodes: readonly Row[] } }>(
    service,
    "{ items(orderBy: [{itemId: ASC}]) { nodes { folder { url } array { url } file { url } } } }",
  );
  await store.remove(`${await pathOf(service, trees.length)}/c/0/1`);
  const named = ["written", ...trees].map((name, at) => [name, items.nodes[at]?.folder?.url ?? ""]);
  const { array: npy, file: hdf5 } = items.nodes.at(-1) ?? {};
  return { ...Object.fromEntries(named), npy: npy?.url ?? "", hdf5: hdf5?.url ?? "" };
}

type Urls = Readonly<Record<string, string>>;
type Row = Readonly<Record<"folder" | "array" | "file", { readonly url: string } | null>>;

/** Path of the folder of a row in its store. */
async function pathOf(service: RunningService, itemId: number): Promise<string> {
  const query = "{ objects(first: 100) { nodes { locator } } }";
  const { objects } = await ask<{ objects: { nodes: readonly { locator: string }[] } }>(
    service,
    query,
    {},
    "/system/graphql",
  );
  const found = objects.nodes.find(({ locator }) => locator.includes(`/item_id=${itemId}/`));
  if (found === undefined) throw new Error(`no object of row ${itemId}: ${JSON.stringify(objects)}`);
  return found.locator.slice("main:".length);
}

async function ask<T>(
  service: RunningService,
  query: string,
  variables = {},
  endpoint = "/graphql",
): Promise<T> {
  const response = await fetch(service.url + endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

async function begun(
  service: RunningService,
  target: { readonly field: string; readonly key?: object },
  more: object,
): Promise<{ id: string; url: string }> {
  const input = { target: { type: "Item", ...target }, ...more };
  const query = "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }";
  return (await ask<{ createUpload: { id: string; url: string } }>(service, query, { input })).createUpload;
}

async function sentFile(service: RunningService, field: string, path: string): Promise<string> {
  const { id, url } = await begun(service, { field }, { filename: basename(path) });
  equal((await put(url, readFileSync(path))).status, 201);
  return id;
}

async function sentFolder(
  service: RunningService,
  { itemId, folder }: { readonly itemId: number; readonly folder: string },
): Promise<string> {
  const target = { field: "folder", key: { itemId } };
  const { id, url } = await begun(service, target, { filename: basename(folder), kind: "TREE" });
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    equal((await put(`${url}/${relative(folder, path)}`, readFileSync(path))).status, 201);
  }
  await ask(service, "mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id });
  return id;
}

async function absent(folder: string): Promise<void> {
  for (const path of ["", "/", "/raw", "/raw/image/c/9/9", "/zarr.json.bak", "/.zgroup", "/sparse/c/0/0"]) {
    for (const method of ["GET", "HEAD"])
      equal([path, method, (await send(folder + path, { method })).status], [path, method, 404]);
  }
  for (const method of ["GET", "HEAD"]) equal((await send(`${folder}/zarr.json`, { method })).status, 200);
}

function script(name: string): string {
  return join(import.meta.dirname, "urls", name);
}

function equal(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`got ${JSON.stringify(actual)}\nexpected ${JSON.stringify(expected)}`);
}
