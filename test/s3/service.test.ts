/** The whole service on an S3 store, as its users see it: rows, bytes, uploads; the server away, killed, back. Public surface only. */

import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put, send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

const place = new Place();
let server: S3Server;

beforeAll(async () => {
  server = await startS3();
  const { protocol, location, driver } = storeOn(server, "lab");
  const stores = { default: "main", filepath_default: "main", main: { protocol, location, ...driver } };
  await place.start({ DJ_STORES: JSON.stringify(stores) });
});
afterAll(async () => {
  await place.close();
  await server.close();
});

/** Paths of the bucket's objects, our own section aside. */
async function objects(): Promise<string[]> {
  const entries = await readdir(`${server.folder}/lab`, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(server.folder.length + "/lab/".length))
    .filter((path) => !path.startsWith("_obj/"))
    .sort();
}

async function openUploads(): Promise<number> {
  const { Uploads } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
  return Uploads?.length ?? 0;
}

const create = (input: object, select = "itemId") =>
  place.ask<{ createItem: { item: Record<string, { url: string; sizeBytes?: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${select} } } }`,
    { input: { pictures: [], ...input } },
  );

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("rows with values in S3", () => {
  const data = Array.from({ length: 1000 }, (_, index) => index / 7);
  const content = "attached é";

  it("are written, and read back whole and in ranges", async () => {
    const input = {
      itemId: 1,
      array: { values: { dtype: "float64", shape: [1000], data } },
      blob: { json: { a: [1, 2, 3] } },
      file: { text: { name: "note.txt", content } },
    };
    const { data: answer, errors } = await create(input, "array { url } blob { url } file { url }");
    expect(errors).toBeUndefined();
    const item = answer?.createItem.item ?? {};
    const file = await send(item["file"]?.url ?? "");
    expect([file.status, file.bytes.toString()]).toEqual([200, content]);
    expect(file.headers.get("content-disposition")).toContain("attachment");
    const url = item["array"]?.url ?? "";
    const whole = await send(url);
    expect(whole.status).toBe(200);
    expect(whole.bytes.readDoubleLE(whole.bytes.length - 8)).toBe(999 / 7);
    for (const [range, from, to] of [
      ["bytes=0-9", 0, 10],
      ["bytes=100-199", 100, 200],
      ["bytes=-8", whole.bytes.length - 8, whole.bytes.length],
      ["bytes=8000-99999999", 8000, whole.bytes.length],
    ] as const) {
      const part = await send(url, { headers: { range } });
      expect(part.status).toBe(206);
      expect(part.bytes.equals(whole.bytes.subarray(from, to))).toBe(true);
    }
    const beyond = await send(url, { headers: { range: "bytes=99999999-" } });
    expect([beyond.status, beyond.code]).toEqual([416, "RANGE_NOT_SATISFIABLE"]);
    expect(await objects()).toHaveLength(3);
  });

  it("share equal content", async () => {
    const before = await objects();
    expect((await create({ itemId: 2, blob: { json: { a: [1, 2, 3] } } })).errors).toBeUndefined();
    expect(await objects()).toEqual(before);
  });

  it("are deleted, and their bytes wait for the collector", async () => {
    const before = await objects();
    const { errors } = await place.ask("mutation { deleteItem(key: { itemId: 2 }) { item { itemId } } }");
    expect(errors).toBeUndefined();
    expect(await objects()).toEqual(before);
  });
});

describe("uploads to S3", () => {
  it("of a long file arrive in parts and are read back", async () => {
    const bytes = randomBytes(40 * 2 ** 20);
    const upload = await createUpload(place, "bytes", {
      sizeBytes: `${bytes.length}`,
      sha256: sha256(bytes),
    });
    expect((await put(upload.url, bytes)).status).toBe(201);
    expect((await put(upload.url, bytes)).status).toBeLessThan(300);
    const { data, errors } = await create({ itemId: 10, bytes: { upload: upload.id } }, "bytes { url }");
    expect(errors).toBeUndefined();
    const url = data?.createItem.item["bytes"]?.url ?? "";
    expect(sha256((await send(url)).bytes)).toBe(sha256(bytes));
    const middle = await send(url, { headers: { range: "bytes=20000000-20000099" } });
    expect(middle.bytes.equals(bytes.subarray(20_000_000, 20_000_100))).toBe(true);
    expect(await openUploads()).toBe(0);
  });

  it("of other bytes than declared leave nothing", async () => {
    const before = await objects();
    const bytes = randomBytes(12 * 2 ** 20);
    const upload = await createUpload(place, "bytes", {
      sizeBytes: `${bytes.length}`,
      sha256: "0".repeat(64),
    });
    expect((await put(upload.url, bytes)).code).toBe("UPLOAD_MISMATCH");
    expect(await objects()).toEqual(before);
    expect(await openUploads()).toBe(0);
  });

  it("of a folder become one tree with its manifest", async () => {
    const upload = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
    const files = { "zarr.json": "{}", "c/0/0": "chunk 0", "c/0/1": "chunk 1", c2: "" };
    for (const [path, body] of Object.entries(files)) {
      expect((await put(`${upload.url}/${path}`, body)).status).toBe(201);
    }
    await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: upload.id });
    const { data, errors } = await create({ itemId: 11, tree: { upload: upload.id } }, "tree { url }");
    expect(errors).toBeUndefined();
    const url = data?.createItem.item["tree"]?.url ?? "";
    for (const [path, body] of Object.entries(files)) {
      expect((await send(`${url}/${path}`)).bytes.toString()).toBe(body);
    }
    expect((await send(`${url}/c/9/9`)).status).toBe(404);
    expect((await objects()).filter((path) => path.endsWith(".manifest.json"))).toHaveLength(1);
  });
});

describe("an S3 server that goes away", () => {
  it("is told, leaves no row and no registered object, and all works once it is back", async () => {
    const known = await place.known();
    const { items } = await place.get<{ items: { nodes: { array: { url: string } | null }[] } }>(
      "{ items(first: 1) { nodes { array { url } } } }",
    );
    const url = items.nodes[0]?.array?.url ?? "";
    await server.kill();
    const failed = await create({ itemId: 20, blob: { json: { other: 1 } } });
    expect(failed.errors?.[0]?.extensions).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(JSON.stringify(failed)).not.toContain(server.secretKey);
    const read = await send(url);
    expect([read.status, read.code]).toEqual([503, "STORE_UNAVAILABLE"]);
    expect(await place.known()).toEqual(known);
    await server.start();
    expect((await create({ itemId: 20, blob: { json: { other: 1 } } })).errors).toBeUndefined();
    expect((await send(url)).status).toBe(200);
  });

  it("in the middle of an upload costs only that request", async () => {
    const bytes = randomBytes(48 * 2 ** 20);
    const upload = await createUpload(place, "bytes", { sizeBytes: `${bytes.length}` });
    const before = await objects();
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (sent === 24 * 2 ** 20) await server.kill();
        if (sent === bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(sent, sent + 2 ** 20));
        sent += 2 ** 20;
      },
    });
    const cut = await send(upload.url, { method: "PUT", body, duplex: "half" }).catch(
      (error: Error) => error,
    );
    // The service may answer while the body is still on its way, which some clients tell as a broken connection.
    if (!(cut instanceof Error)) expect([cut.status, cut.code]).toEqual([503, "STORE_UNAVAILABLE"]);
    await server.start();
    expect(await objects()).toEqual(before);
    expect((await put(upload.url, bytes)).status).toBe(201);
    const { data, errors } = await create({ itemId: 21, bytes: { upload: upload.id } }, "bytes { url }");
    expect(errors).toBeUndefined();
    expect(sha256((await send(data?.createItem.item["bytes"]?.url ?? "")).bytes)).toBe(sha256(bytes));
  });

  it("never put its keys into the log", () => {
    expect(place.service.log()).not.toContain(server.secretKey);
  });
});

describe("another place than the store's", () => {
  it("is refused by name and left as it is; the store itself works again", async () => {
    const { protocol, location, driver } = storeOn(server, "lab");
    const at = (where: string) => {
      const main = { protocol, ...driver, location: where };
      return { DJ_STORES: JSON.stringify({ default: "main", filepath_default: "main", main }) };
    };
    const { items } = await place.get<{ items: { nodes: { array: { url: string } | null }[] } }>(
      "{ items(first: 1) { nodes { array { url } } } }",
    );
    const path = new URL(items.nodes[0]?.array?.url ?? "").pathname;
    await place.service.end("SIGTERM");
    const { ready } = await place.start(at("mistyped"));
    expect(ready["warnings"]).toEqual([
      expect.stringMatching(/store main \(bucket holdfast, mistyped\) has no marker .*it is not the store/),
    ]);
    expect((await create({ itemId: 30, blob: { json: 1 } })).errors?.[0]?.extensions).toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    // Not told as lost.
    expect((await send(place.url + path)).code).toBe("STORE_UNAVAILABLE");
    expect(await readdir(server.folder)).not.toContain("mistyped");
    await place.service.end("SIGTERM");
    await place.start(at(location));
    expect((await send(place.url + path)).status).toBe(200);
    expect((await create({ itemId: 30, blob: { json: 1 } })).errors).toBeUndefined();
  });
});
