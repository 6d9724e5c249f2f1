/** Uploads that go wrong: cut, misdeclared, misdirected. Public surface only. */

import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put, send } from "./support/exchange.ts";
import { dial, Place, raw } from "./support/place.ts";

const place = new Place();

beforeAll(async () => {
  await place.start();
});

afterAll(() => place.close());

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** An item that takes an upload; the errors, if any. */
async function use(itemId: number, field: string, id: string) {
  const answer = await place.ask<{ createItem: { item: Record<string, { url: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${field} { url } } } }`,
    { input: { itemId, pictures: [], [field]: { upload: id } } },
  );
  const [error] = answer.errors ?? [];
  return {
    url: answer.data?.createItem?.item[field]?.url ?? "",
    code: error?.extensions["code"],
    message: error?.message,
  };
}

const complete = (id: string) =>
  place.ask("mutation ($id: ID!) { completeUpload(id: $id) { state receivedBytes } }", { id });

/** Sends a head and the first `bytes` of a body, then breaks the connection. */
async function cut(url: string, body: Buffer, bytes: number): Promise<void> {
  const socket = await dial(url);
  const { pathname, host } = new URL(url);
  socket.write(`PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n`);
  await new Promise<void>((done) => socket.write(body.subarray(0, bytes), () => done()));
  await sleep(100);
  socket.destroy();
  await sleep(100);
}

describe("an upload that is cut", () => {
  it("leaves nothing, and is sent again", async () => {
    const body = randomBytes(3 * 2 ** 20);
    const upload = await createUpload(place, "bytes", {
      sizeBytes: String(body.length),
      sha256: sha256(body),
    });
    const before = place.files();
    for (const bytes of [0, 1, 100_000, body.length - 1]) {
      await cut(upload.url, body, bytes);
      expect(place.files()).toEqual(before);
      expect((await complete(upload.id)).errors?.[0]?.extensions).toMatchObject({ code: "UPLOAD_MISMATCH" });
      expect((await use(1, "bytes", upload.id)).code).toBe("UPLOAD_MISMATCH");
    }
    expect((await put(upload.url, body)).status).toBe(201);
    const { url, message } = await use(1, "bytes", upload.id);
    expect(message).toBeUndefined();
    expect((await send(url)).bytes.equals(body)).toBe(true);
  });

  it("in the middle of a folder keeps the folder from being completed", async () => {
    const upload = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
    expect((await put(`${upload.url}/a`, "first")).status).toBe(201);
    await cut(`${upload.url}/c/0`, randomBytes(100_000), 50_000);
    const answer = await complete(upload.id);
    expect(answer.errors?.[0]).toMatchObject({
      message: expect.stringContaining('"c/0"'),
      extensions: { code: "UPLOAD_MISMATCH" },
    });
    expect((await use(2, "tree", upload.id)).code).toBe("UPLOAD_MISMATCH");
    expect((await put(`${upload.url}/c/0`, "second")).status).toBe(201);
    expect((await complete(upload.id)).errors).toBeUndefined();
    const { url } = await use(2, "tree", upload.id);
    expect((await send(`${url}/c/0`)).bytes.toString()).toBe("second");
  });

  it("with broken chunks is refused and leaves nothing", async () => {
    const upload = await createUpload(place, "bytes");
    const before = place.files();
    const { pathname, host } = new URL(upload.url);
    const head = `PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    await raw(place.url, `${head}5\r\nhello\r\nno chunk\r\n`);
    await sleep(100);
    expect(place.files()).toEqual(before);
    expect((await put(upload.url, "hello")).status).toBe(201);
  });
});

describe("an upload that is not what was declared", () => {
  const body = "four";
  const wrong = sha256("five");
  const md5 = createHash("md5").update("five").digest("base64");
  const base64 = Buffer.from(wrong, "hex").toString("base64");

  it.each([
    ["a smaller size", { sizeBytes: "3" }, {}],
    ["a larger size", { sizeBytes: "5" }, {}],
    ["another digest", { sha256: wrong }, {}],
    ["another Content-Digest", {}, { "content-digest": `sha-256=:${base64}:` }],
    ["another Repr-Digest", {}, { "repr-digest": `sha-256=:${base64}:` }],
    ["another Digest", {}, { digest: `SHA-256=${base64}` }],
    ["another Content-MD5", {}, { "content-md5": md5 }],
  ] as const)("%s: nothing is kept, and the right bytes are taken", async (_name, declared, headers) => {
    const upload = await createUpload(place, "bytes", declared);
    const before = place.files();
    const answer = await put(upload.url, body, headers);
    expect([answer.status, answer.code]).toEqual([422, "UPLOAD_MISMATCH"]);
    expect(place.files()).toEqual(before);
    const right = "sizeBytes" in declared ? "x".repeat(Number(declared.sizeBytes)) : "five";
    expect((await put(upload.url, right)).status).toBe(201);
  });

  it.each([
    ["Content-Encoding", { "content-encoding": "gzip" }, 415],
    ["Content-Range", { "content-range": "bytes 0-3/8" }, 400],
    ["a malformed digest", { "content-digest": "sha-256=:x:" }, 400],
    ["a page of another site", { origin: "https://evil.example" }, 403],
    ["a page without an origin", { origin: "null" }, 403],
  ] as const)("%s is refused", async (_name, headers, status) => {
    const upload = await createUpload(place, "bytes");
    const before = place.files();
    // By socket: fetch sets some of these itself.
    const { pathname, host } = new URL(upload.url);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 4\r\n`;
    expect((await raw(place.url, `${head}${lines.join("")}\r\nfour`)).status).toBe(status);
    expect(place.files()).toEqual(before);
  });

  it.each([
    ["a negative size", { sizeBytes: "-1" }],
    ["a size beyond 64 bits", { sizeBytes: "9".repeat(30) }],
    ["a short digest", { sha256: "ab" }],
    ["an empty name", { filename: "" }],
    ["a name with a folder", { filename: "../x" }],
    ["an unknown field", { target: { type: "Item", field: "nothing" } }],
    ["an unknown type", { target: { type: "Nothing", field: "array" } }],
    ["a field of the user's own files", { target: { type: "Item", field: "own" } }],
    ["a value in the row", { target: { type: "Item", field: "inRow" } }],
    ["a key of other fields", { target: { type: "Item", field: "array", key: { nothing: 1 } } }],
    ["a folder where one file goes", { kind: "TREE" }],
  ])("%s makes no upload", async (_name, more) => {
    const target = { type: "Item", field: "file" };
    const answer = await place.ask(
      "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }",
      { input: { target, filename: "data.bin", ...more } },
    );
    expect(answer.errors?.[0]?.extensions["code"]).toMatch(
      /^(BAD_USER_INPUT|NOT_FOUND|CODEC_INVALID_VALUE)$/,
    );
  });
});

describe("an upload that was sent", () => {
  it("takes the same bytes again, and no others", async () => {
    const upload = await createUpload(place, "bytes");
    expect((await put(upload.url, "one")).status).toBe(201);
    expect((await put(upload.url, "one")).status).toBe(201);
    const other = await put(upload.url, "two");
    expect([other.status, other.code]).toEqual([409, "STORE_CONFLICT"]);
    const { url } = await use(10, "bytes", upload.id);
    expect((await send(url)).bytes.toString()).toBe("one");
    const late = await put(upload.url, "one");
    expect([late.status, late.code]).toEqual([410, "UPLOAD_EXPIRED"]);
    const folder = await put(`${upload.url}/x`, "one");
    expect(folder.status).toBe(400);
  });

  it("serves the field and key it was made for, once", async () => {
    const send = async (field: string, more: object = {}) => {
      const upload = await createUpload(place, field, more);
      expect((await put(upload.url, "bytes")).status).toBe(201);
      return upload.id;
    };
    const id = await send("bytes");
    const before = await place.known();
    expect(await use(20, "file", id)).toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringContaining("Item.bytes"),
    });
    const keyed = await send("tree", { target: { type: "Item", field: "tree", key: { itemId: 21 } } });
    expect(await use(20, "tree", keyed)).toMatchObject({ code: "BAD_USER_INPUT" });
    expect(await place.known()).toEqual(before);
    expect((await use(21, "tree", keyed)).message).toBeUndefined();
    expect((await use(20, "bytes", id)).message).toBeUndefined();
    expect((await use(22, "bytes", id)).code).toBe("UPLOAD_EXPIRED");
  });

  it("is no value of its codec: refused, and free for nothing else", async () => {
    const upload = await createUpload(place, "array");
    expect((await put(upload.url, "not numpy")).status).toBe(201);
    const before = await place.known();
    expect((await use(30, "array", upload.id)).code).toBe("CODEC_INVALID_VALUE");
    expect(await place.known()).toEqual(before);
  });

  it("is a folder with bad paths", async () => {
    const upload = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
    const { pathname, host } = new URL(upload.url);
    const before = place.files();
    const bad = [
      "..",
      "../x",
      "a/../../x",
      "%2e%2e/x",
      "a%2fb",
      "a%5cb",
      "a\\b",
      "/x",
      "a//b",
      "./x",
      "a%00",
    ];
    const long = ["x".repeat(256), Array.from({ length: 600 }, () => "x").join("/")];
    for (const path of [...bad, "%252e%252e%252fx", "a%0a", "%ff", ...long]) {
      const request = `PUT ${pathname}/${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`;
      const answer = await raw(place.url, request);
      expect([path, answer.status]).toEqual([path, 400]);
    }
    expect((await put(upload.url, "x")).status).toBe(400);
    expect(place.files()).toEqual(before);
    expect((await put(`${upload.url}/a/b`, "x")).status).toBe(201);
    for (const path of ["a", "a/b/c"])
      expect((await put(`${upload.url}/${path}`, "x")).code).toBe("STORE_CONFLICT");
    expect((await complete(upload.id)).errors).toBeUndefined();
    expect((await put(`${upload.url}/late`, "x")).code).toBe("STORE_CONFLICT");
  });

  it("is nobody's", async () => {
    const id = "7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42";
    expect((await put(`${place.url}/uploads/${id}`, "x")).code).toBe("NOT_FOUND");
    expect((await put(`${place.url}/uploads/nonsense`, "x")).code).toBe("NOT_FOUND");
    expect((await complete(id)).errors?.[0]?.extensions).toMatchObject({ code: "NOT_FOUND" });
    const upload = await createUpload(place, "bytes");
    expect((await put(upload.url.slice(0, -1), "x")).code).toBe("NOT_FOUND");
    expect((await complete(upload.id)).errors?.[0]?.extensions).toMatchObject({ code: "UPLOAD_MISMATCH" });
  });
});
