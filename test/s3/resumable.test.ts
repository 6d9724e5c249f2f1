/** Resumable uploads to an S3 store: through deaths of the service and the server, and through a network on its bad days. */

import { createHash, randomBytes } from "node:crypto";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { Upload, type UploadOptions } from "tus-js-client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createObjects, type Objects } from "../../src/object/objects.ts";
import { expireResumables } from "../../src/object/resume-leftovers.ts";
import type { StoreDriver, Stores } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { createUpload, send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { freshDatabase } from "../support/database.ts";
import { type Fault, type FaultProxy, type Seen, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startS3();
  proxy = await startProxy(server.endpoint);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});
afterEach(() => {
  proxy.rule = () => undefined;
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const declared = (bytes: Uint8Array) => ({ sizeBytes: String(bytes.length), sha256: sha256(bytes) });

async function openUploads(): Promise<number> {
  const { Uploads } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
  return Uploads?.length ?? 0;
}

describe("the whole service", () => {
  const place = new Place();
  const env = () => {
    const { protocol, location, driver } = storeOn(server, "lab");
    return {
      DJ_STORES: JSON.stringify({
        default: "main",
        filepath_default: "main",
        main: { protocol, location, ...driver },
      }),
    };
  };
  beforeAll(() => place.start(env()));
  afterAll(() => place.close());

  const sendByClient = (url: string, bytes: Buffer, options: Partial<UploadOptions> = {}): Promise<void> =>
    new Promise((done, fail) => {
      new Upload(bytes, {
        uploadUrl: url,
        retryDelays: null,
        ...options,
        onSuccess: () => done(),
        onError: fail,
      }).start();
    });
  let items = 0;
  const now = (url: string) => url.replace(/^https?:\/\/[^/]+/, place.url);
  const patiently = { retryDelays: Array.from({ length: 30 }, () => 500) };

  async function use(itemId: number, id: string): Promise<Buffer> {
    const { createItem } = await place.get<{ createItem: { item: { bytes: { url: string } } } }>(
      "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { bytes { url } } } }",
      { input: { itemId, pictures: [], bytes: { upload: id } } },
    );
    return (await send(createItem.item.bytes.url)).bytes;
  }

  it.each([
    ["whole", 20 * 2 ** 20 + 11, {}],
    ["in chunks shorter than a part", 18 * 2 ** 20 + 5, { chunkSize: 1_000_000 }],
    ["in chunks longer than a part", 40 * 2 ** 20, { chunkSize: 11_000_000 }],
    ["of exactly two parts", 16 * 2 ** 20, { chunkSize: 8 * 2 ** 20 }],
    ["too short for a part", 3_000_000, { chunkSize: 1_000_000 }],
    ["of no bytes", 0, {}],
  ])("takes a file %s", { timeout: 60_000 }, async (_name, size, options) => {
    const bytes = randomBytes(size);
    const upload = await createUpload(place, "bytes", declared(bytes));
    await sendByClient(upload.resumableUrl, bytes, options);
    expect(await openUploads()).toBe(0);
    expect((await use(++items, upload.id)).equals(bytes)).toBe(true);
  });

  it("goes on after kill -9, where it was", { timeout: 120_000 }, async () => {
    const bytes = randomBytes(30 * 2 ** 20 + 3);
    const upload = await createUpload(place, "bytes", declared(bytes));
    let isDead = false;
    const dying = sendByClient(upload.resumableUrl, bytes, {
      chunkSize: 3_000_000,
      onChunkComplete: (_size, accepted) => {
        if (accepted < 15_000_000 || isDead) return;
        isDead = true;
        place.service.child.kill("SIGKILL");
      },
    });
    await expect(dying).rejects.toThrow();
    await place.service.end("SIGKILL");
    await place.start(env());
    const offsets: number[] = [];
    await sendByClient(now(upload.resumableUrl), bytes, {
      ...patiently,
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD" && response.getStatus() === 200)
          offsets.push(Number(response.getHeader("Upload-Offset")));
      },
    });
    expect(offsets[0]).toBeGreaterThanOrEqual(15_000_000);
    expect(await openUploads()).toBe(0);
    expect((await use(100, upload.id)).equals(bytes)).toBe(true);
  });

  it("goes on after the server was away", { timeout: 120_000 }, async () => {
    const bytes = randomBytes(30 * 2 ** 20);
    const upload = await createUpload(place, "bytes", declared(bytes));
    let away: Promise<void> | undefined;
    const cut = sendByClient(now(upload.resumableUrl), bytes, {
      chunkSize: 9_000_000,
      onChunkComplete: (_size, accepted) => {
        if (accepted >= 18_000_000) away ??= server.kill();
      },
    });
    await expect(cut).rejects.toThrow(/503|ECONN|socket/);
    await away;
    await server.start();
    await sendByClient(now(upload.resumableUrl), bytes, patiently);
    expect((await use(101, upload.id)).equals(bytes)).toBe(true);
    expect(await openUploads()).toBe(0);
  });

  it("leaves nothing of what is ended, or is not what was declared", { timeout: 60_000 }, async () => {
    const bytes = randomBytes(20 * 2 ** 20);
    const ended = await createUpload(place, "bytes", declared(bytes));
    const first = await fetch(ended.resumableUrl, {
      method: "PATCH",
      headers: {
        "tus-resumable": "1.0.0",
        "upload-offset": "0",
        "content-type": "application/offset+octet-stream",
      },
      body: bytes.subarray(0, 9_000_000),
    });
    expect(first.status).toBe(204);
    expect(await openUploads()).toBe(1);
    await Upload.terminate(ended.resumableUrl, patiently);
    expect(await openUploads()).toBe(0);
    const other = await createUpload(place, "bytes", {
      sizeBytes: String(bytes.length),
      sha256: sha256(bytes),
    });
    const wrong = Buffer.from(bytes);
    wrong[10] = (wrong[10] ?? 0) ^ 1;
    await expect(sendByClient(other.resumableUrl, wrong)).rejects.toThrow(/422/);
    expect(await openUploads()).toBe(0);
    await sendByClient(other.resumableUrl, bytes);
    expect((await use(102, other.id)).equals(bytes)).toBe(true);
  });
});

describe("a network on its bad days", () => {
  const partBytes = 5 << 20;
  const bytes = randomBytes(3 * partBytes + 777);
  let db: PostgresDatabase;
  let objects: Objects;
  let stores: Stores;
  let driver: StoreDriver;

  beforeAll(async () => {
    db = await connect(await freshDatabase(), { maxConnections: 8 });
    await migrate(db);
    const limits = { attempts: 3, stallMs: 1_000, connectMs: 1_000, partBytes };
    const config = storeOn(server, "net", { endpoint: proxy.endpoint });
    driver = createS3Driver(config, limits);
    const store = { config, driver };
    stores = {
      all: new Map([[config.name, store]]),
      defaultName: config.name,
      filepathDefaultName: undefined,
      get: () => store,
    };
    objects = await createObjects({ db, stores });
  });
  afterAll(async () => {
    await objects.close();
    await db.close();
  });

  const isPart = ({ method, url }: Seen) => method === "PUT" && /[?&]partNumber=/.test(url);
  const isBegin = ({ method, url }: Seen) => method === "POST" && /[?&]uploads\b/.test(url);
  const isComplete = ({ method, url }: Seen) => method === "POST" && /[?&]uploadId=/.test(url);
  const upon = (matches: (request: Seen) => boolean, faults: Fault[], skip = 0): void => {
    let passed = 0;
    proxy.rule = (request) => (matches(request) && passed++ >= skip ? faults.shift() : undefined);
  };

  async function create(): Promise<string> {
    const target = {
      store: "cloud",
      addressing: "schema",
      schema: "lab",
      table: "t",
      column: "c",
      key: [],
    } as const;
    const upload = await objects.uploads.create({
      target,
      field: "T.c",
      kind: "FILE",
      filename: "a.bin",
      ...declared(bytes),
    });
    return upload.id;
  }
  const append = (id: string, offset: number) =>
    objects.uploads.resumable.append(id, { offset, body: bodyOf(bytes.subarray(offset)) });

  async function expectStored(id: string): Promise<void> {
    expect((await objects.uploads.complete(id)).state).toBe("COMPLETE");
    const { rows } = await db.query<{ path: string }>(
      "SELECT path FROM holdfast.upload_detail WHERE id = $1",
      [id],
    );
    const got = await driver.get(rows[0]?.path ?? "");
    expect(got !== undefined && (await collect(got.body)).equals(bytes)).toBe(true);
    expect(await openUploads()).toBe(0);
    const { rows: left } = await db.query("SELECT FROM holdfast.upload_resume");
    expect(left).toHaveLength(0);
  }

  const slow: Fault = { kind: "status", status: 503, code: "SlowDown" };
  it.each<[string, (seen: Seen) => boolean, Fault[]]>([
    ["UploadPart 5xx", isPart, [slow, { kind: "status", status: 500 }]],
    ["UploadPart reset", isPart, [{ kind: "reset" }]],
    ["UploadPart done, its answer lost", isPart, [{ kind: "lostReply" }]],
    ["UploadPart that stalls", isPart, [{ kind: "silence" }]],
    ["CompleteMultipartUpload 5xx", isComplete, [slow]],
    ["CompleteMultipartUpload done, its answer lost", isComplete, [{ kind: "lostReply" }]],
  ])("%s: the same request goes on", { timeout: 60_000 }, async (_name, matches, faults) => {
    const id = await create();
    upon(matches, [...faults]);
    expect((await append(id, 0)).offset).toBe(bytes.length);
    await expectStored(id);
  });

  it.each<[string, (seen: Seen) => boolean, Fault, number]>([
    ["UploadPart", isPart, slow, 1],
    ["UploadPart that stalls", isPart, { kind: "silence" }, 2],
    ["CreateMultipartUpload", isBegin, slow, 0],
    ["CompleteMultipartUpload", isComplete, slow, 0],
    ["CompleteMultipartUpload done, all answers lost", isComplete, { kind: "lostReply" }, 0],
  ])(
    "%s for long: told as such, and the next request goes on",
    { timeout: 60_000 },
    async (_name, matches, fault, skip) => {
      const id = await create();
      upon(
        matches,
        Array.from({ length: 3 }, () => fault),
        skip,
      );
      const outcome = await append(id, 0).then(
        () => "done",
        (error: unknown) => codeOf(Promise.reject(error)),
      );
      // Where the answers were lost the object itself tells that it is there.
      expect(outcome).toBe(fault.kind === "lostReply" ? "done" : "STORE_UNAVAILABLE");
      proxy.rule = () => undefined;
      const { offset } = await objects.uploads.resumable.progress(id);
      expect(offset).toBe(matches === isComplete ? bytes.length : skip * partBytes);
      if (offset < bytes.length) await append(id, offset);
      await expectStored(id);
    },
  );

  it("parts that somebody else has dropped: told as a new beginning", async () => {
    const id = await create();
    const first = { offset: 0, body: bodyOf(bytes.subarray(0, partBytes + 5)) };
    expect((await objects.uploads.resumable.append(id, first)).offset).toBe(partBytes + 5);
    for await (const { path, uploadId } of driver.multipart?.open("") ?? [])
      await driver.multipart?.abort(path, uploadId);
    expect(await codeOf(append(id, partBytes + 5))).toBe("CONFLICT");
    expect((await objects.uploads.resumable.progress(id)).offset).toBe(0);
    await append(id, 0);
    await expectStored(id);
  });

  it("a beginning whose answer was lost is dropped when the upload expires", async () => {
    const id = await create();
    upon(isBegin, [{ kind: "lostReply" }, { kind: "lostReply" }, { kind: "lostReply" }]);
    expect(await codeOf(append(id, 0))).toBe("STORE_UNAVAILABLE");
    proxy.rule = () => undefined;
    expect(await openUploads()).toBe(3);
    await db.query("UPDATE holdfast.upload SET expires_at = clock_timestamp() WHERE id = $1", [id]);
    expect(await expireResumables({ db, stores })).toEqual({ cleaned: 1, failed: [] });
    expect(await openUploads()).toBe(0);
  });

  it("a store that is away when an upload expires: tried again", async () => {
    const id = await create();
    await objects.uploads.resumable.append(id, { offset: 0, body: bodyOf(bytes.subarray(0, partBytes + 1)) });
    await db.query("UPDATE holdfast.upload SET expires_at = clock_timestamp() WHERE id = $1", [id]);
    proxy.rule = () => ({ kind: "status", status: 500 });
    expect(await expireResumables({ db, stores })).toMatchObject({
      cleaned: 0,
      failed: [{ store: "cloud" }],
    });
    proxy.rule = () => undefined;
    expect(await openUploads()).toBe(1);
    await db.query("UPDATE holdfast.upload_resume SET writer_until = clock_timestamp() - interval '1 s'");
    expect(await expireResumables({ db, stores })).toEqual({ cleaned: 1, failed: [] });
    expect(await openUploads()).toBe(0);
  });
});
