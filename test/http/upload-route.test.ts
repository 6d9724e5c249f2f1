import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { UploadRequest, UploadState } from "../../src/object/contract.ts";
import { call, type Laboratory, openLaboratory, raw, type Served } from "./laboratory.ts";

const bytes = randomBytes(300_000);
const digest = (name: string) => createHash(name).update(bytes).digest("base64");
let lab: Laboratory;
let served: Served;

beforeAll(async () => {
  lab = await openLaboratory();
  served = await lab.serve();
});

async function created(more: Partial<UploadRequest> = {}): Promise<UploadState & { readonly url: string }> {
  const state = await lab.objects.uploads.create({
    target: { store: "main", addressing: "schema", schema: "lab", table: "t", column: "c", key: [] },
    field: "T.c",
    kind: "FILE",
    filename: "a.bin",
    ...more,
  });
  return { ...state, url: `/uploads/${lab.objects.capabilities.sign({ kind: "upload", id: state.id })}` };
}

/** Every file in the store, and its bytes. */
async function inStore(): Promise<Map<string, Buffer>> {
  const folder = join(lab.folder, "main");
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile() && !entry.parentPath.includes("_obj"));
  return new Map(
    await Promise.all(
      files.map(
        async ({ parentPath, name }) =>
          [join(parentPath, name), await readFile(join(parentPath, name))] as const,
      ),
    ),
  );
}

async function* slowly(pieces: number): AsyncIterable<Uint8Array> {
  for (let piece = 0; piece < pieces; piece += 1) {
    yield bytes.subarray((piece * bytes.length) / pieces, ((piece + 1) * bytes.length) / pieces);
    await sleep(2);
  }
}

describe("PUT of one file", () => {
  it("stores the bytes, with a length or in chunks, and tells the state", async () => {
    for (const options of [
      { headers: { "content-length": bytes.length }, body: bytes },
      { body: slowly(10) },
    ]) {
      const { url, id } = await created();
      const answer = await call(served.port, url, { method: "PUT", ...options });
      expect(answer.status).toBe(201);
      expect(JSON.parse(answer.body.toString())).toMatchObject({
        id,
        kind: "FILE",
        state: "RECEIVED",
        receivedBytes: "300000",
      });
      const state = await call(served.port, url);
      expect([state.status, JSON.parse(state.body.toString()).state]).toEqual([200, "RECEIVED"]);
      const head = await call(served.port, url, { method: "HEAD" });
      expect(head.headers).toMatchObject({ "upload-state": "RECEIVED", "upload-received-bytes": "300000" });
      expect(head.headers["access-control-allow-origin"]).toBeUndefined();
    }
    const whole = [...(await inStore()).values()].filter((content) => content.equals(bytes));
    expect(whole.length).toBe(2);
  });

  it("takes any media type, and no body at all as an empty file", async () => {
    for (const type of [
      "application/json",
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
    ]) {
      const { url } = await created();
      expect(
        (await call(served.port, url, { method: "PUT", headers: { "content-type": type }, body: "{" }))
          .status,
      ).toBe(201);
    }
    const { url } = await created();
    const answer = await call(served.port, url, { method: "PUT", headers: { "content-length": 0 } });
    expect([answer.status, JSON.parse(answer.body.toString()).receivedBytes]).toEqual([201, "0"]);
  });

  it("may be repeated with the same bytes, not with others", async () => {
    const { url } = await created();
    const put = (body: Uint8Array) => call(served.port, url, { method: "PUT", body });
    expect((await put(bytes)).status).toBe(201);
    expect((await put(bytes)).status).toBe(201);
    const other = await put(bytes.subarray(1));
    expect([other.status, other.error().extensions.code]).toEqual([409, "STORE_CONFLICT"]);
  });

  it.each([
    ["content-md5", () => digest("md5")],
    ["digest", () => `SHA-256=${digest("sha256")},MD5=${digest("md5")}`],
    ["content-digest", () => `sha-256=:${digest("sha256")}:, sha-512=:${digest("sha512")}:`],
    ["repr-digest", () => `unixsum=:AA==:, sha-256=:${digest("sha256")}:`],
  ])("checks %s", async (header, value) => {
    const good = await created();
    expect(
      (await call(served.port, good.url, { method: "PUT", headers: { [header]: value() }, body: bytes }))
        .status,
    ).toBe(201);
    const { url } = await created();
    const before = (await inStore()).size;
    const changed = Buffer.from(bytes);
    changed[123_456] = (changed[123_456] ?? 0) ^ 1;
    const bad = await call(served.port, url, {
      method: "PUT",
      headers: { [header]: value() },
      body: changed,
    });
    expect([bad.status, bad.error().extensions.code]).toEqual([422, "UPLOAD_MISMATCH"]);
    expect((await inStore()).size).toBe(before);
    expect(
      (await call(served.port, url, { method: "PUT", headers: { [header]: value() }, body: bytes })).status,
    ).toBe(201);
  });

  it("checks what was declared when the upload was made", async () => {
    const size = await created({ sizeBytes: "299999" });
    const long = await call(served.port, size.url, { method: "PUT", body: slowly(5) });
    expect([long.status, long.error().extensions.code]).toEqual([422, "UPLOAD_MISMATCH"]);
    const sha = await created({ sha256: "0".repeat(64) });
    const other = await call(served.port, sha.url, { method: "PUT", body: bytes });
    expect([other.status, other.error().extensions.code]).toEqual([422, "UPLOAD_MISMATCH"]);
  });

  it.each([
    [{ "content-md5": "nonsense" }, 400],
    [{ "content-encoding": "gzip" }, 415],
    [{ "content-range": "bytes 0-1/2" }, 400],
  ])("refuses %j", async (headers, status) => {
    const { url } = await created();
    expect((await call(served.port, url, { method: "PUT", headers, body: "ab" })).status).toBe(status);
    expect(JSON.parse((await call(served.port, url)).body.toString()).state).toBe("OPEN");
  });

  it("leaves nothing behind when the client breaks off, and takes the bytes again", async () => {
    const { url } = await created();
    const before = (await inStore()).size;
    const socket = connect(served.port, "127.0.0.1");
    socket.write(`PUT ${url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes.subarray(0, 100_000));
    await sleep(150);
    socket.destroy();
    await sleep(300);
    expect((await inStore()).size).toBe(before);
    expect(JSON.parse((await call(served.port, url)).body.toString()).state).toBe("OPEN");
    expect((await call(served.port, url, { method: "PUT", body: bytes })).status).toBe(201);
  });

  it("refuses more than the server takes, told or not, and the client sees why", async () => {
    const small = await lab.serve({ limits: { uploadBytes: 100_000 } });
    for (const options of [
      { headers: { "content-length": bytes.length }, body: bytes },
      { body: slowly(10) },
    ]) {
      const { url } = await created();
      const answer = await call(small.port, url, { method: "PUT", ...options });
      expect([answer.status, answer.error().extensions]).toMatchObject([
        413,
        { code: "LIMIT_EXCEEDED", setting: "HOLDFAST_UPLOAD_LIMIT" },
      ]);
    }
  });

  it.each(["close", "keep-alive"])(
    "tells a client that is still sending why it is refused: %s",
    async (connection) => {
      async function* much(): AsyncIterable<Uint8Array> {
        for (let piece = 0; piece < 200; piece += 1) yield bytes;
      }
      for (const path of [
        "/uploads/nonsense",
        (await created({ kind: "TREE" })).url,
        (await created({ sizeBytes: "5" })).url,
      ]) {
        const answer = await call(served.port, path, {
          method: "PUT",
          headers: { connection },
          body: much(),
        });
        expect([400, 404, 422]).toContain(answer.status);
        expect(answer.error().message).not.toBe("");
      }
    },
  );

  it("asks for the body only when it will be taken", async () => {
    const head = (url: string) =>
      `PUT ${url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    expect(await raw(served.port, head("/uploads/nonsense"))).toMatch(/^HTTP\/1\.1 404 /);
    const { url } = await created();
    const socket = connect(served.port, "127.0.0.1");
    const answer: string[] = [];
    socket.setEncoding("latin1").on("data", (piece: string) => {
      answer.push(piece);
      if (piece.includes("100 Continue")) socket.write("ab");
    });
    socket.write(head(url));
    await new Promise((resolve) => socket.on("close", resolve));
    expect(answer.join("")).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  });
});

describe("who may send", () => {
  it("the bearer of the capability, and on loopback whoever knows the id", async () => {
    const { id } = await created();
    expect((await call(served.port, `/uploads/${id}`, { method: "PUT", body: "x" })).status).toBe(201);
    expect((await call(served.port, `/uploads/${randomUUID()}`, { method: "PUT", body: "x" })).status).toBe(
      404,
    );
    const data = lab.objects.capabilities.sign({
      kind: "object",
      locator: "main:x",
      gen: "1",
      isTree: false,
    });
    expect((await call(served.port, `/uploads/${data}`, { method: "PUT", body: "x" })).status).toBe(404);
  });

  it.each(["https://evil.example", "null", "http://localhost:1", "garbage"])(
    "no page of %s",
    async (origin) => {
      const { id, url } = await created();
      for (const path of [`/uploads/${id}`, url]) {
        const answer = await call(served.port, path, { method: "PUT", headers: { origin }, body: "x" });
        expect([answer.status, answer.error().extensions.code]).toEqual([403, "FORBIDDEN"]);
      }
      expect(JSON.parse((await call(served.port, url)).body.toString()).state).toBe("OPEN");
    },
  );

  it("a page of this server", async () => {
    const { url } = await created();
    const own = `127.0.0.1:${served.port}`;
    const answer = await call(served.port, url, {
      method: "PUT",
      headers: { host: own, origin: `http://${own}` },
      body: "x",
    });
    expect(answer.status).toBe(201);
  });
});

describe("PUT of a folder", () => {
  it("takes each file under its own path, in parallel, then no more", async () => {
    const { url, id } = await created({ kind: "TREE", filename: "v.zarr" });
    const names = ["zarr.json", "c/0/0", "c/0/1", "a b/é.bin"];
    const answers = await Promise.all(
      names.map((name) =>
        call(served.port, `${url}/${name.split("/").map(encodeURIComponent).join("/")}`, {
          method: "PUT",
          body: name,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    await lab.objects.uploads.complete(id);
    const files = [...(await inStore()).keys()];
    for (const name of names) expect(files.some((file) => file.endsWith(`/${name}`))).toBe(true);
    const late = await call(served.port, `${url}/late`, { method: "PUT", body: "x" });
    expect([late.status, late.error().extensions.code]).toEqual([409, "STORE_CONFLICT"]);
  });

  it.each(["/../x", "/%2e%2e/x", "/a/..%2fx", "//x", "/a%5cb", "/a%00"])(
    "refuses the path %s",
    async (path) => {
      const { url } = await created({ kind: "TREE" });
      const before = (await inStore()).size;
      const request = `PUT ${url}${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`;
      expect(await raw(served.port, request)).toMatch(/^HTTP\/1\.1 400 /);
      expect((await inStore()).size).toBe(before);
    },
  );

  it("tells a file from a folder", async () => {
    const tree = await created({ kind: "TREE" });
    expect((await call(served.port, tree.url, { method: "PUT", body: "x" })).status).toBe(400);
    const file = await created();
    expect((await call(served.port, `${file.url}/x`, { method: "PUT", body: "x" })).status).toBe(400);
  });
});

it("answers 410 for an upload that has expired", async () => {
  const { url, id } = await created();
  await lab.db.query(
    "UPDATE holdfast.upload SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1",
    [id],
  );
  const answer = await call(served.port, url, { method: "PUT", body: "x" });
  expect([answer.status, answer.error().extensions.code]).toEqual([410, "UPLOAD_EXPIRED"]);
});
