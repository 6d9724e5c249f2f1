import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { expireResumables } from "../../src/object/resume-leftovers.ts";
import { call, type Laboratory, openLaboratory, raw, type Served } from "./laboratory.ts";
import { created, head, offsetOf, patch, refusal, sendByClient, terminate } from "./tus-laboratory.ts";

const bytes = randomBytes(5_000_000);
const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
const size = (content: Uint8Array) => ({ sizeBytes: String(content.length) });
let lab: Laboratory;
let served: Served;

beforeAll(async () => {
  lab = await openLaboratory();
  served = await lab.serve();
});

const at = (url: string) => `${served.url}${url}`;
const stateOf = async (id: string) => (await lab.objects.uploads.get(id)).state;

/** What the store has, unfinished files included. */
async function inStore(): Promise<Map<string, Buffer>> {
  const folder = join(lab.folder, "main");
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile() && !entry.parentPath.includes("_obj"));
  const read = files.map(
    async ({ parentPath, name }) => [join(parentPath, name), await readFile(join(parentPath, name))] as const,
  );
  return new Map(await Promise.all(read));
}

/** Rows that remember unfinished uploads. */
async function remembered(): Promise<number> {
  const { rows } = await lab.db.query<{ count: number }>(
    `SELECT (SELECT count(*) FROM holdfast.upload_resume)::int + (SELECT count(*) FROM holdfast.upload_tail)::int
       + (SELECT count(*) FROM holdfast.upload_piece)::int AS count`,
  );
  return rows[0]?.count ?? -1;
}

/** Whether the upload became an object of these bytes, and nothing else is left. */
async function expectStored(id: string, content: Uint8Array): Promise<void> {
  const { state, receivedBytes } = await lab.objects.uploads.get(id);
  expect([state, receivedBytes]).toEqual(["RECEIVED", String(content.length)]);
  await lab.objects.uploads.complete(id);
  const { rows } = await lab.db.query<{ path: string }>(
    "SELECT path FROM holdfast.upload_detail WHERE id = $1",
    [id],
  );
  expect((await inStore()).get(join(lab.folder, "main", rows[0]?.path ?? ""))?.equals(content)).toBe(true);
  expect([...(await inStore()).keys()].filter((path) => path.includes(".holdfast-"))).toEqual([]);
  expect(await remembered()).toBe(0);
}

describe("a tus client sends a file", () => {
  it("whole", async () => {
    const { url, id } = await created(lab, { ...size(bytes), sha256: sha256(bytes) });
    const told: number[] = [];
    await sendByClient(at(url), bytes, { onProgress: (sent) => told.push(sent) });
    expect(told.at(-1)).toBe(bytes.length);
    await expectStored(id, bytes);
  });

  it.each([70_001, 1_000_000, 4_999_999])("in chunks of %i bytes", async (chunkSize) => {
    const content = randomBytes(chunkSize === 70_001 ? 1_000_000 : bytes.length);
    const { url, id } = await created(lab, { ...size(content), sha256: sha256(content) });
    await sendByClient(at(url), content, { chunkSize });
    await expectStored(id, content);
  });

  it("of no bytes", async () => {
    const { url, id } = await created(lab, { sizeBytes: "0", sha256: sha256(Buffer.alloc(0)) });
    await sendByClient(at(url), Buffer.alloc(0));
    expect(await stateOf(id)).toBe("RECEIVED");
    expect(await remembered()).toBe(0);
  });

  it("behind the prefix of a codec, with a digest of its own", async () => {
    const content = randomBytes(3_000_001);
    const prefix = Buffer.from("name.bin\0");
    const { url, id } = await created(lab, { ...size(content), sha256: sha256(content), prefix });
    await sendByClient(at(url), content, { chunkSize: 999_999 });
    const { receivedBytes } = await lab.objects.uploads.get(id);
    expect(receivedBytes).toBe(String(content.length));
    const whole = Buffer.concat([prefix, content]);
    expect([...(await inStore()).values()].filter((found) => found.equals(whole))).toHaveLength(1);
  });

  it("of a length that it learns at the end", async () => {
    const content = randomBytes(2_500_000);
    const { url, id } = await created(lab);
    expect((await head(served.port, url)).headers).toMatchObject({ "upload-defer-length": "1" });
    await sendByClient(at(url), content, { uploadLengthDeferred: true, chunkSize: 1_000_000 });
    await expectStored(id, content);
  });

  it("where only POST gets through", async () => {
    const content = randomBytes(10_000);
    const { url, id } = await created(lab, size(content));
    await sendByClient(at(url), content, { overridePatchMethod: true, chunkSize: 6_000 });
    await expectStored(id, content);
  });

  it("whose digest names it, as the peer reads it", async () => {
    const content = randomBytes(3_000_000);
    const target = {
      store: "main",
      addressing: "hash",
      schema: "lab",
      table: "t",
      column: "c",
      key: [],
    } as const;
    const { url, id } = await created(lab, { target, ...size(content) });
    await sendByClient(at(url), content, { chunkSize: 1_300_000 });
    const { rows } = await lab.db.query<{ hash: string; sha256: string }>(
      "SELECT convert_from(md5, 'UTF8') AS hash, encode(sha256, 'hex') AS sha256 FROM holdfast.upload_detail WHERE id = $1",
      [id],
    );
    const put = await lab.objects.uploads.create({ target, field: "T.c", kind: "FILE", filename: "b" });
    await lab.objects.uploads.receive(put.id, once(content), {});
    const { rows: expected } = await lab.db.query(
      "SELECT convert_from(md5, 'UTF8') AS hash, encode(sha256, 'hex') AS sha256 FROM holdfast.upload_detail WHERE id = $1",
      [put.id],
    );
    expect(rows).toEqual(expected);
    expect(rows[0]?.sha256).toBe(sha256(content));
  });
});

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** Begins a PATCH of which `sent` bytes arrive; the socket is the caller's. */
async function begin(
  url: string,
  sent: Uint8Array,
  more: { offset?: number; length?: number; headers?: string } = {},
) {
  const { offset = 0, length = bytes.length, headers = "" } = more;
  const socket = connect(served.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `PATCH ${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: ${offset}\r\nContent-Length: ${length}\r\n${headers}\r\n`,
  );
  await new Promise<void>((done) => socket.write(sent, () => done()));
  return socket;
}

/** Waits until the upload has no writer. */
async function idle(id: string): Promise<void> {
  for (;;) {
    const { rows } = await lab.db.query(
      "SELECT FROM holdfast.upload_resume WHERE upload = $1 AND writer IS NOT NULL",
      [id],
    );
    if (rows.length === 0) return;
    await sleep(20);
  }
}

/** Waits until the upload has a writer. */
async function busy(id: string): Promise<void> {
  for (;;) {
    const { rows } = await lab.db.query(
      "SELECT FROM holdfast.upload_resume WHERE upload = $1 AND writer IS NOT NULL",
      [id],
    );
    if (rows.length > 0) return;
    await sleep(20);
  }
}

describe("a PATCH that breaks off", () => {
  it("keeps what has arrived; the client goes on from there", async () => {
    const { url, id } = await created(lab, { ...size(bytes), sha256: sha256(bytes) });
    for (const sent of [100_000, 2_500_000]) {
      const offset = await offsetOf(served.port, url);
      const socket = await begin(url, bytes.subarray(offset, offset + sent), {
        offset,
        length: bytes.length - offset,
      });
      await busy(id);
      await sleep(200);
      socket.destroy();
      await idle(id);
      expect(await offsetOf(served.port, url)).toBe(offset + sent);
      expect((await lab.objects.uploads.get(id)).receivedBytes).toBe(String(offset + sent));
      expect(await stateOf(id)).toBe("OPEN");
    }
    await sendByClient(at(url), bytes);
    await expectStored(id, bytes);
  });

  it("is not used by a row", async () => {
    const { url, id } = await created(lab, size(bytes));
    await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 1000) });
    await expect(lab.objects.uploads.complete(id)).rejects.toMatchObject({ code: "UPLOAD_MISMATCH" });
    await terminate(served.port, url);
  });

  it("with a checksum keeps nothing", async () => {
    const { url, id } = await created(lab, size(bytes));
    const checksum = createHash("sha1").update(bytes).digest("base64");
    const socket = await begin(url, bytes.subarray(0, 4_500_000), {
      headers: `Upload-Checksum: sha1 ${checksum}\r\n`,
    });
    await busy(id);
    await sleep(200);
    socket.destroy();
    await idle(id);
    expect(await offsetOf(served.port, url)).toBe(0);
    await sendByClient(at(url), bytes);
    await expectStored(id, bytes);
  });
});

describe("one writer at a time", () => {
  it("refuses a second one while the first one sends", async () => {
    const { url, id } = await created(lab, size(bytes));
    const socket = await begin(url, bytes.subarray(0, 10));
    await busy(id);
    const second = await patch(served.port, url, { offset: 0, body: bytes });
    expect([second.status, second.error().extensions.code]).toEqual([423, "CONFLICT"]);
    expect(second.headers["retry-after"]).toBe("2");
    socket.destroy();
    await idle(id);
    await sendByClient(at(url), bytes);
    await expectStored(id, bytes);
  });

  it("lets another one take over where the first one is silent, whose bytes then count for nothing", async () => {
    const { url, id } = await created(lab, { ...size(bytes), sha256: sha256(bytes) });
    const silent = await begin(url, bytes.subarray(0, 2_200_000));
    await busy(id);
    await sendByClient(at(url), bytes, {
      retryDelays: [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000],
    });
    const answers: string[] = [];
    silent.setEncoding("latin1").on("data", (piece: string) => answers.push(piece));
    const closed = new Promise((resolve) => silent.on("close", resolve));
    silent.write(Buffer.alloc(bytes.length - 2_200_000));
    await closed;
    expect(answers.join("")).toMatch(/^HTTP\/1\.1 (423|409) /);
    await expectStored(id, bytes);
  });

  it("gives the upload to one of many that begin together", async () => {
    const content = randomBytes(300_000);
    const { url, id } = await created(lab, size(content));
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => patch(served.port, url, { offset: 0, body: content })),
    );
    const statuses = answers.map(({ status }) => status);
    // One that begins when another has just ended finds the same bytes, which is as good.
    expect(statuses).toContain(204);
    expect(statuses.filter((status) => ![204, 409, 423].includes(status))).toEqual([]);
    await expectStored(id, content);
  });
});

describe("what is not as declared", () => {
  it.each([1, 2_000_000])("goes on at the offset that the upload has, not at %i", async (offset) => {
    const { url, id } = await created(lab, size(bytes));
    await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 1_000_000) });
    const wrong = await patch(served.port, url, { offset, body: bytes.subarray(offset) });
    expect([wrong.status, wrong.error().extensions]).toMatchObject([
      409,
      { code: "CONFLICT", value: 1_000_000 },
    ]);
    expect(await offsetOf(served.port, url)).toBe(1_000_000);
    await sendByClient(at(url), bytes);
    await expectStored(id, bytes);
  });

  it.each(["md5", "sha1", "sha256"])("compares the checksum of each PATCH: %s", async (algorithm) => {
    const content = randomBytes(2_500_000);
    const { url, id } = await created(lab, size(content));
    const send = (offset: number, body: Buffer, of = body) => {
      const digest = createHash(algorithm).update(of).digest("base64");
      return patch(served.port, url, {
        offset,
        body,
        headers: { "upload-checksum": `${algorithm} ${digest}` },
      });
    };
    expect((await send(0, content.subarray(0, 100))).status).toBe(204);
    const wrong = await send(100, Buffer.alloc(2_400_000), content);
    expect([wrong.status, wrong.error().extensions.code]).toEqual([460, "UPLOAD_MISMATCH"]);
    expect(await offsetOf(served.port, url)).toBe(100);
    expect((await send(100, content.subarray(100))).status).toBe(204);
    await expectStored(id, content);
  });

  it("keeps nothing where the digest is another one, and takes the right bytes then", async () => {
    const content = randomBytes(2_600_000);
    const { url, id } = await created(lab, { ...size(content), sha256: sha256(content) });
    const wrong = Buffer.from(content);
    wrong[1_234_567] = (wrong[1_234_567] ?? 0) ^ 1;
    const before = [...(await inStore()).keys()];
    expect(await refusal(sendByClient(at(url), wrong, { chunkSize: 1_000_000 }))).toBe(422);
    expect([...(await inStore()).keys()]).toEqual(before);
    expect(await stateOf(id)).toBe("OPEN");
    expect(await offsetOf(served.port, url)).toBe(0);
    await sendByClient(at(url), content);
    await expectStored(id, content);
  });

  it("takes no byte more than declared, told before or not", async () => {
    const { url, id } = await created(lab, { sizeBytes: "10" });
    expect((await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 11) })).status).toBe(422);
    const chunked = await patch(served.port, url, { offset: 0, body: once(bytes.subarray(0, 11)) });
    expect([chunked.status, chunked.error().extensions.code]).toEqual([422, "UPLOAD_MISMATCH"]);
    expect(await offsetOf(served.port, url)).toBe(0);
    expect((await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 10) })).status).toBe(204);
    expect(await stateOf(id)).toBe("RECEIVED");
    const repeated = await patch(served.port, url, { offset: 10 });
    expect(repeated.status).toBe(204);
    expect((await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 10) })).status).toBe(409);
  });

  it("takes a length once, and no other", async () => {
    const { url } = await created(lab, { sizeBytes: "10" });
    const other = { offset: 0, headers: { "upload-length": "11" } };
    expect((await patch(served.port, url, other)).status).toBe(400);
    const open = await created(lab);
    await patch(served.port, open.url, { offset: 0, body: bytes.subarray(0, 20) });
    expect(
      (await patch(served.port, open.url, { offset: 20, headers: { "upload-length": "19" } })).status,
    ).toBe(400);
    expect(
      (await patch(served.port, open.url, { offset: 20, headers: { "upload-length": "20" } })).status,
    ).toBe(204);
    expect(await stateOf(open.id)).toBe("RECEIVED");
  });

  it("obeys the server's limit", async () => {
    const small = await lab.serve({ limits: { uploadBytes: 1000 } });
    const { url } = await created(lab);
    for (const body of [bytes.subarray(0, 1001), once(bytes.subarray(0, 1001))]) {
      const answer = await patch(small.port, url, { offset: 0, body });
      expect([answer.status, answer.error().extensions]).toMatchObject([
        413,
        { setting: "HOLDFAST_UPLOAD_LIMIT" },
      ]);
    }
    await terminate(served.port, url);
  });
});

describe("the end of an upload", () => {
  it("by DELETE leaves nothing, and nothing goes on", async () => {
    const { url, id } = await created(lab, size(bytes));
    const before = [...(await inStore()).keys()];
    const socket = await begin(url, bytes.subarray(0, 4_400_000));
    await busy(id);
    await sleep(200);
    expect((await terminate(served.port, url)).status).toBe(204);
    socket.resume().write(bytes.subarray(4_400_000));
    await new Promise((resolve) => socket.on("close", resolve));
    expect([...(await inStore()).keys()]).toEqual(before);
    expect(await remembered()).toBe(0);
    for (const answer of [
      await head(served.port, url),
      await patch(served.port, url, { offset: 0, body: bytes }),
      await terminate(served.port, url),
    ])
      expect(answer.status).toBe(410);
  });

  it("by its expiry is cleaned, whoever looks first", async () => {
    const { url, id } = await created(lab, size(bytes));
    const open = await created(lab, size(bytes));
    await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 4_400_000) });
    await patch(served.port, open.url, { offset: 0, body: bytes.subarray(0, 10) });
    expect(await expireResumables(lab)).toEqual({ cleaned: 0, failed: [] });
    await lab.db.query(
      "UPDATE holdfast.upload SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1",
      [id],
    );
    const rounds = await Promise.all([expireResumables(lab), expireResumables(lab)]);
    expect(rounds.map(({ cleaned }) => cleaned).sort()).toEqual([0, 1]);
    expect((await head(served.port, url)).status).toBe(410);
    expect(await offsetOf(served.port, open.url)).toBe(10);
    await terminate(served.port, open.url);
    expect([...(await inStore()).keys()].filter((path) => path.includes(".holdfast-"))).toEqual([]);
    expect(await remembered()).toBe(0);
  });

  it("by a PUT of the whole file is the end of both", async () => {
    const { url, id } = await created(lab, size(bytes));
    await patch(served.port, url, { offset: 0, body: bytes.subarray(0, 3_000_000) });
    const put = await call(served.port, url.replace("/tus/", "/uploads/"), { method: "PUT", body: bytes });
    expect(put.status).toBe(201);
    await sendByClient(at(url), bytes);
    expect(
      (await patch(served.port, url, { offset: 3_000_000, body: bytes.subarray(3_000_000) })).status,
    ).toBe(409);
    expect((await expireResumables(lab)).cleaned).toBe(1);
    await expectStored(id, bytes);
  });
});

describe("the protocol", () => {
  it("tells what it can do", async () => {
    const { url } = await created(lab);
    const answer = await call(served.port, url, { method: "OPTIONS" });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      "tus-resumable": "1.0.0",
      "tus-version": "1.0.0",
      "tus-extension": "creation-defer-length,checksum,expiration,termination",
      "tus-checksum-algorithm": "md5,sha1,sha256",
      "tus-max-size": String(5 * 2 ** 40),
    });
  });

  it("tells the state by HEAD, which nobody may cache", async () => {
    const { url, expiresAt } = await created(lab, { sizeBytes: "100", filename: "ä.bin" });
    const answer = await head(served.port, url);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "upload-offset": "0",
      "upload-length": "100",
      "upload-expires": expiresAt.toUTCString(),
      "upload-metadata": `filename ${Buffer.from("ä.bin").toString("base64")}`,
      "cache-control": "no-store",
      "tus-resumable": "1.0.0",
    });
  });

  it.each([
    [{ "tus-resumable": "0.2.2" }, 412],
    [{ "content-type": "application/octet-stream" }, 415],
    [{ "content-encoding": "gzip" }, 415],
    [{ "upload-offset": "-1" }, 400],
    [{ "upload-offset": "1e3" }, 400],
    [{ "upload-offset": "99999999999999999999" }, 400],
    [{ "upload-length": "x" }, 400],
    [{ "upload-checksum": "crc32 AAAA" }, 400],
    [{ "upload-checksum": "sha1 AAAA" }, 400],
    [{ "upload-checksum": "toString AAAA" }, 400],
  ])("refuses %j", async (headers, status) => {
    const { url, id } = await created(lab, { sizeBytes: "2" });
    const answer = await patch(served.port, url, { offset: 0, body: Buffer.from("ab"), headers });
    expect([answer.status, answer.headers["tus-resumable"]]).toEqual([status, "1.0.0"]);
    expect(answer.error().message).not.toBe("");
    if (status === 412) expect(answer.headers["tus-version"]).toBe("1.0.0");
    expect(await stateOf(id)).toBe("OPEN");
  });

  it("has other methods nowhere", async () => {
    const { url } = await created(lab);
    for (const method of ["GET", "PUT", "POST"]) {
      const answer = await call(served.port, url, { method, headers: { "tus-resumable": "1.0.0" } });
      expect([method, answer.status]).toEqual([method, 405]);
      expect(answer.headers["allow"]).toBe("HEAD, PATCH, DELETE, OPTIONS");
    }
  });

  it("takes a folder nowhere, and says how", async () => {
    const { url } = await created(lab, { kind: "TREE", filename: "v.zarr" });
    const answer = await patch(served.port, url, { offset: 0, body: Buffer.from("x") });
    expect([answer.status, answer.error()]).toMatchObject([
      400,
      { message: expect.stringContaining("folder") },
    ]);
    expect((await patch(served.port, `${url}/zarr.json`, { offset: 0 })).status).toBe(404);
  });

  it("asks for the body only when it will be taken", async () => {
    const { url } = await created(lab, { sizeBytes: "2" });
    const request = (offset: number) =>
      `PATCH ${url} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: ${offset}\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    expect(await raw(served.port, request(0).replace("/tus/", "/tus/x"))).toMatch(/^HTTP\/1\.1 404 /);
    expect(await raw(served.port, request(1))).toMatch(/^HTTP\/1\.1 422 /);
    expect(await raw(served.port, `${request(0)}ab`)).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 204 /,
    );
  });

  it("keeps the capability out of the log", async () => {
    const { url } = await created(lab);
    await head(served.port, url);
    await head(served.port, url.replace("/tus/", "/t%75s/"));
    expect(served.log.join("")).toContain("/tus/[capability]");
    expect(served.log.join("")).not.toContain(url.slice("/tus/".length));
  });
});

describe("pages", () => {
  it.each(["https://evil.example", "null", "garbage"])("of %s send nothing", async (origin) => {
    const { url, id } = await created(lab, { sizeBytes: "2" });
    const answer = await patch(served.port, url, { offset: 0, body: Buffer.from("ab"), headers: { origin } });
    expect([answer.status, answer.error().extensions.code]).toEqual([403, "FORBIDDEN"]);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    const asked = await call(served.port, url, { method: "OPTIONS", headers: { origin } });
    expect([asked.status, asked.headers["access-control-allow-origin"]]).toEqual([403, undefined]);
    expect(await stateOf(id)).toBe("OPEN");
  });

  it("of hosts that the server answers for may ask, send, and read the answer", async () => {
    const origin = "http://localhost:5173";
    const { url, id } = await created(lab, { sizeBytes: "2" });
    const asked = await call(served.port, url, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "PATCH" },
    });
    expect(asked.status).toBe(204);
    expect(asked.headers["access-control-allow-origin"]).toBe(origin);
    expect(asked.headers["access-control-allow-methods"]).toContain("PATCH");
    expect(asked.headers["access-control-allow-headers"]).toContain("Upload-Offset");
    const wrong = await patch(served.port, url, { offset: 1, body: Buffer.from("a"), headers: { origin } });
    expect([wrong.status, wrong.headers["access-control-allow-origin"]]).toEqual([409, origin]);
    const answer = await patch(served.port, url, { offset: 0, body: Buffer.from("ab"), headers: { origin } });
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([204, origin]);
    expect(answer.headers["access-control-expose-headers"]).toContain("Upload-Offset");
    expect(await stateOf(id)).toBe("RECEIVED");
  });

  it("of HOLDFAST_URL may", async () => {
    const proxied = await lab.serve({ publicUrl: "https://data.example" });
    const { url } = await created(lab, { sizeBytes: "2" });
    const asked = await call(proxied.port, url, {
      method: "OPTIONS",
      headers: { origin: "https://data.example" },
    });
    expect(asked.status).toBe(204);
  });
});
