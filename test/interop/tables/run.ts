/**
 * Images, tables, JSON and text of a running service: pyarrow, fsspec and Pillow read them straight from their URLs, DataJoint as it
 * comes from the store; and the API tells of them what pyarrow put into the files.
 *
 * Installs both Python environments into `.cache/`. Ends with `N passed, N failed`.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildService } from "../../s3/support/suite.ts";
import { startChecks } from "../../support/checks.ts";
import { installPeer, installPython, must, python as peer, root, run } from "../python.ts";

const packages = ["pyarrow==26.0.1", "pillow==13.0.0", "numpy==2.4.6", "fsspec==2026.9.0", "aiohttp==3.13.2"];
const folder = mkdtempSync(join(tmpdir(), "holdfast-tables-"));
const data = join(folder, "data");
const fixtures = join(root, "test/fixtures");

const schema = `type Item @table {
  itemId: Int! @key
  title: String!
  measured: TableFile! @codec(name: "parquet", store: "main")
  table: TableFile! @codec(name: "arrow", store: "main")
  stream: TableFile! @codec(name: "arrow", store: "main")
  picture: ImageFile! @codec(name: "image", store: "main")
  document: JsonDocument! @codec(name: "json", store: "main")
  inline: JsonDocument! @codec(name: "json")
  notes: TextFile! @codec(name: "text", store: "main")
}
`;

const { check, failed, end } = startChecks();

/** A service on the schema above. */
async function start(): Promise<{ url: string; stop: () => Promise<void> }> {
  writeFileSync(join(folder, "schema.graphql"), schema);
  const command = join(root, "dist/src/cli/holdfast.js");
  const args = [command, "start", "--no-sample", "--no-watch", "--port", "0", "--data", data];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: "", PGHOST: "" },
  });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  let said = "";
  const url = await new Promise<string | undefined>((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        said += chunk.toString("utf8");
        const ready = said.split("\n").find((line) => line.includes('"event":"ready"') && line.endsWith("}"));
        if (ready !== undefined) done((JSON.parse(ready) as { url: string }).url);
      });
    }
    void ended.then(() => done(undefined));
  });
  if (url === undefined) throw new Error(`the service did not come up:\n${said}`);
  return { url, stop };
}

async function ask<T>(url: string, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: T; errors?: unknown };
  if (answer.errors !== undefined || answer.data === undefined)
    throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

function equal(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  throw new Error(
    `got ${JSON.stringify(actual).slice(0, 2000)}\nexpected ${JSON.stringify(expected).slice(0, 2000)}`,
  );
}

const file = (name: string) => join(fixtures, name);
const base64 = (name: string) => readFileSync(file(name)).toString("base64");
const expected = (kind: string) =>
  JSON.parse(readFileSync(file(`${kind}/expected.json`), "utf8")) as Record<string, never>;

/** The Parquet file goes through an upload, the others are sent as values. */
async function write(url: string): Promise<void> {
  const { createUpload } = await ask<{ createUpload: { id: string; url: string } }>(
    url,
    'mutation { createUpload(input: {target: {type: "Item", field: "measured"}, filename: "a.parquet"}) { id url } }',
  );
  const sent = await fetch(createUpload.url, {
    method: "PUT",
    body: readFileSync(file("parquet/v2_zstd.parquet")),
  });
  if (!sent.ok) throw new Error(`the upload answers ${sent.status}: ${await sent.text()}`);
  const input = {
    itemId: 1,
    title: "first",
    measured: { upload: createUpload.id },
    table: { base64: base64("arrow/file_lz4.arrow") },
    stream: { base64: base64("arrow/stream.arrows") },
    picture: { base64: { name: "rgb.png", content: base64("image/rgb.png") } },
    document: {
      raw: `{"list": ${JSON.stringify(Array(400).fill("again"))}, "n": 9223372036854775807, "d": 0.10}`,
    },
    inline: { json: { a: [1, 2] } },
    notes: { text: "é\n鼠" },
  };
  await ask(url, "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { itemId } } }", {
    input,
  });
}

/** Values that must not be kept: each is refused with its code, its field and its codec. */
async function refuse(url: string): Promise<void> {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString("base64");
  const wrong = [
    [{ picture: { base64: { name: "a.png", content: svg } } }, "CODEC_INVALID_VALUE", "SVG"],
    [{ measured: { base64: base64("arrow/file_lz4.arrow") } }, "CODEC_INVALID_VALUE", "no Parquet"],
    [{ table: { base64: base64("parquet/v2_zstd.parquet") } }, "CODEC_INVALID_VALUE", "no Arrow"],
    [{ document: { raw: '{"a": 1, "a": 2}' } }, "CODEC_INVALID_VALUE", "stands twice"],
    [{ document: { raw: "[".repeat(600) } }, "LIMIT_EXCEEDED", "512 levels"],
  ] as const;
  for (const [patch, code, message] of wrong) {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        query: "mutation ($set: ItemPatch!) { updateItem(key: {itemId: 1}, set: $set) { item { itemId } } }",
        variables: { set: patch },
      }),
    });
    const { errors = [] } = (await response.json()) as {
      errors?: { message: string; extensions: { code: string } }[];
    };
    const [field = ""] = Object.keys(patch);
    const [error] = errors;
    const named = code === "LIMIT_EXCEEDED" || error?.message.includes(field) === true;
    if (error?.extensions.code !== code || !error.message.includes(message) || !named)
      throw new Error(`${field}: expected ${code} with "${message}", got ${JSON.stringify(errors)}`);
  }
}

const told = `{ item(itemId: 1) {
  measured { format rowCount columnCount rows url }
  table { format rowCount rows(first: 2, offset: "1") url }
  stream { format rows url }
  picture { format width height channels dtype pages url thumbnail(width: 4, height: 4, format: "png") { base64 } thumbnailUrl(width: 4, height: 4, format: "png") pixels { dtype shape base64 } }
  document { kind raw(path: "/n") at(path: "/list/3") d: raw(path: "/d") }
  inline { value sizeBytes }
  notes { text lines length digest }
} }`;

interface Told {
  readonly item: Readonly<Record<string, Readonly<Record<string, never>>>>;
}

function compare({ item }: Told): void {
  const { measured, table, stream, document, inline, notes, picture } = item;
  equal(measured?.["rows"], expected("parquet")["v2_zstd"]);
  equal(table?.["rows"], (expected("arrow")["file_lz4.arrow"] as unknown[] | undefined)?.slice(1, 3));
  equal(stream?.["rows"], expected("arrow")["stream.arrows"]);
  equal([measured?.["format"], measured?.["rowCount"], stream?.["format"]], ["parquet", "4", "arrow stream"]);
  equal(document, { kind: "object", raw: "9223372036854775807", at: "again", d: "0.10" });
  equal(inline, { value: { a: [1, 2] }, sizeBytes: "11" });
  equal([notes?.["lines"], notes?.["length"]], [["é", "鼠"], "3"]);
  equal([picture?.["format"], picture?.["width"], picture?.["dtype"]], ["png", 7, "uint8"]);
}

function readByUrl({ item }: Told): void {
  const { measured, table, stream, picture } = item;
  const image = picture as unknown as {
    readonly width: number;
    readonly height: number;
    readonly thumbnail: { readonly base64: string };
    readonly thumbnailUrl: string;
    readonly pixels: { readonly dtype: string; readonly shape: readonly number[]; readonly base64: string };
  };
  const inline = (text: string) => `data:application/octet-stream;base64,${text}`;
  const places = {
    "a.parquet": { url: measured?.["url"], file: file("parquet/v2_zstd.parquet") },
    "a.arrow": { url: table?.["url"], file: file("arrow/file_lz4.arrow") },
    "a.arrows": { url: stream?.["url"], file: file("arrow/stream.arrows") },
    "a.png": {
      url: picture?.["url"],
      file: file("image/rgb.png"),
      size: [image.width, image.height],
      thumbnail: inline(image.thumbnail.base64),
      thumbnailUrl: image.thumbnailUrl,
      pixels: inline(image.pixels.base64),
      dtype: image.pixels.dtype,
      shape: image.pixels.shape,
    },
  };
  writeFileSync(join(folder, "urls.json"), JSON.stringify(places));
  const python = installPython("tables-python", packages);
  const out = must(
    "read_urls.py",
    run(python, [join(import.meta.dirname, "read_urls.py"), join(folder, "urls.json")]),
  );
  if (!out.includes("4 read")) throw new Error(out);
}

async function filtered(url: string): Promise<void> {
  const query = `{ items(where: {measured: {rowCount: {eq: "4"}}, picture: {width: {gt: 6}, format: {eq: "png"}}, document: {kind: {eq: "object"}}},
    orderBy: [{picture: {sizeBytes: DESC}}]) { nodes { itemId } } }`;
  equal(await ask(url, query), { items: { nodes: [{ itemId: 1 }] } });
}

function readByPeer(): void {
  const { databaseUrl } = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as {
    databaseUrl: string;
  };
  const stores = join(folder, "stores.json");
  const location = join(data, "stores", "main");
  writeFileSync(stores, JSON.stringify({ default: "main", main: { protocol: "file", location } }));
  const args = [databaseUrl, "lab", stores, fixtures];
  const out = must("with_datajoint.py", run(peer, [join(import.meta.dirname, "with_datajoint.py"), ...args]));
  if (!out.includes("read by DataJoint")) throw new Error(out);
}

try {
  installPeer();
  buildService();
  const server = await start();
  try {
    await check("images, tables, JSON and text are written", () => write(server.url));
    await check("bad values are refused, each with its field", () => refuse(server.url));
    await check("lists are filtered and ordered by what the rows tell", () => filtered(server.url));
    const answer = await ask<Told>(server.url, told);
    await check("the API tells what pyarrow and Pillow put into the files", () => compare(answer));
    await check("pyarrow, fsspec and Pillow read the URLs", () => readByUrl(answer));
    await check("DataJoint lists the rows, reads the values, and sees that they are used", readByPeer);
  } finally {
    await server.stop();
  }
} catch (error) {
  failed(error);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
end();
