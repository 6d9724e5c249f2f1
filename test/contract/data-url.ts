/** What a data URL promises, whatever driver its bytes come from. One table; `test/http` and `test/s3` run it. */

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { CapabilitySubject } from "../../src/object/contract.ts";
import { dataPath } from "../../src/object/data-path.ts";
import { createReader } from "../../src/object/reader.ts";
import type { StoreDriver, Stores } from "../../src/store/contract.ts";
import { type Answer, call, type Laboratory, type Served } from "../http/laboratory.ts";

/** What the laws need of one driver's tests. */
export interface DataUrlGround {
  readonly lab: Laboratory;
  /** Makes the object at `path` of the store `main` end early for a reader who has begun; called before the request. */
  readonly willBreak: (path: string, sizeBytes: number) => Promise<void>;
  /** The same, called when the reader has got its first bytes. */
  readonly breaksNow: (path: string, sizeBytes: number) => Promise<void>;
}

const size = 100_000;
const largeBytes = 64 * 2 ** 20;
const content = randomBytes(size);
const sha256 = createHash("sha256").update(content).digest("hex");
const etag = `"sha256:${sha256}"`;

type Headers = Readonly<Record<string, string>>;
/** `[from, to)` of the content, or no content. */
type Case = readonly [headers: Headers, status: number, from?: number, to?: number];

const cases: readonly Case[] = [
  [{}, 200, 0, size],
  [{ range: "bytes=0-0" }, 206, 0, 1],
  [{ range: "bytes=0-99" }, 206, 0, 100],
  [{ range: "bytes=40000-59999" }, 206, 40_000, 60_000],
  [{ range: "bytes=99999-99999" }, 206, 99_999, size],
  [{ range: "bytes=99990-200000" }, 206, 99_990, size],
  [{ range: "bytes=1-" }, 206, 1, size],
  [{ range: "bytes=-7" }, 206, size - 7, size],
  [{ range: "bytes=-100000" }, 206, 0, size],
  [{ range: "bytes=-999999" }, 206, 0, size],
  [{ range: "bytes=-0" }, 416],
  [{ range: "bytes=100000-" }, 416],
  [{ range: "bytes=100000-100001" }, 416],
  [{ range: "bytes=0-1,5-6" }, 200, 0, size],
  [{ range: "bytes=9-5" }, 200, 0, size],
  [{ range: "items=0-1" }, 200, 0, size],
  [{ range: "bytes=2-5", "if-range": etag }, 206, 2, 6],
  [{ range: "bytes=2-5", "if-range": `W/${etag}` }, 200, 0, size],
  [{ range: "bytes=2-5", "if-range": '"other"' }, 200, 0, size],
  [{ range: "bytes=2-5", "if-range": "Sun, 06 Nov 1994 08:49:37 GMT" }, 200, 0, size],
  [{ range: "bytes=100000-", "if-range": '"other"' }, 200, 0, size],
  [{ "if-none-match": etag }, 304],
  [{ "if-none-match": `"x", W/${etag}` }, 304],
  [{ "if-none-match": "*" }, 304],
  [{ "if-none-match": etag, range: "bytes=0-0" }, 304],
  [{ "if-none-match": '"other"' }, 200, 0, size],
  [{ "if-match": etag, range: "bytes=5-8" }, 206, 5, 9],
  [{ "if-match": '"other"' }, 412],
];

/** Passes everything to the driver, and counts what is read of it. */
class Meter {
  bytes = 0;
  open = 0;

  on(stores: Stores, name: string): Stores {
    const store = stores.get(name);
    const get: StoreDriver["get"] = async (path, options) => {
      const found = await store.driver.get(path, options);
      return found && { ...found, body: this.#count(found.body) };
    };
    const driver: StoreDriver = Object.assign(Object.create(store.driver), { get });
    const metered = { ...store, driver };
    return { ...stores, get: (wanted) => (wanted === name ? metered : stores.get(wanted)) };
  }

  async *#count(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.open += 1;
    try {
      for await (const chunk of body) {
        this.bytes += chunk.length;
        yield chunk;
      }
    } finally {
      this.open -= 1;
    }
  }

  /** Resolves when nothing more is read, however long that takes. */
  async settled(): Promise<number> {
    for (let before = -1; before !== this.bytes; await sleep(300)) before = this.bytes;
    return this.bytes;
  }
}

/** Bytes that are not all the same, made as they are read. */
async function* large(): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(2 ** 20);
  for (let at = 0; at < largeBytes; at += piece.length) {
    piece.writeUInt32BE(at, 0);
    yield piece;
  }
}

/** Declares the laws. `ground` is called in `beforeAll`. */
export function dataUrlLaws(name: string, ground: () => Promise<DataUrlGround>): void {
  let on: DataUrlGround;
  let served: Served;
  const meter = new Meter();
  const put = async (path: string, body: AsyncIterable<Uint8Array>): Promise<void> => {
    await on.lab.stores.get("main").driver.put(path, body);
  };
  const object = (path: string, more: object = {}): CapabilitySubject => ({
    kind: "object",
    locator: `main:${path}`,
    gen: "7",
    isTree: false,
    ...more,
  });
  const urlOf = (subject: CapabilitySubject, file: string, isTree = false): string =>
    dataPath(on.lab.objects.capabilities.sign(subject), file, { isTree });
  const once = async function* (bytes: Uint8Array) {
    if (bytes.length > 0) yield bytes;
  };
  const get = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port: served.port, path, agent: false }, resolve)
        .on("error", reject)
        .end();
    });

  beforeAll(async () => {
    on = await ground();
    const reader = createReader(meter.on(on.lab.stores, "main"));
    served = await on.lab.serve({ objects: { ...on.lab.objects, reader } });
  });

  describe(`data URLs of ${name}`, () => {
    let path: string;
    beforeAll(async () => {
      const at = `_schema/lab/t/${randomUUID()}.csv`;
      await put(at, once(content));
      path = urlOf(object(at, { sha256, sizeBytes: size }), "data.csv");
    });

    const named = cases.map(([headers, status, from, to]) => ({ headers, status, from, to }));
    it.each(named)("$headers is $status", async ({ headers, status, from, to }) => {
      const shown = ({ headers: all }: Answer) => {
        const { date: _, "x-request-id": __, connection: ___, "keep-alive": ____, ...rest } = all;
        return rest;
      };
      const answer = await call(served.port, path, { headers });
      const head = await call(served.port, path, { method: "HEAD", headers });
      expect([answer.status, head.status, head.body.length]).toEqual([status, status, 0]);
      expect(shown(head)).toEqual(shown(answer));
      const range = status === 206 ? `bytes ${from}-${(to ?? 0) - 1}/${size}` : undefined;
      expect(answer.headers["content-range"]).toBe(status === 416 ? `bytes */${size}` : range);
      if (from === undefined) return;
      expect(answer.body.equals(content.subarray(from, to))).toBe(true);
      expect(answer.headers).toMatchObject({
        etag,
        "accept-ranges": "bytes",
        "content-length": String(answer.body.length),
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": 'attachment; filename="data.csv"',
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
      });
      expect(answer.headers["content-encoding"]).toBeUndefined();
    });

    it("of nothing are empty, and have no range", async () => {
      const at = `_schema/lab/t/${randomUUID()}`;
      await put(at, once(Buffer.alloc(0)));
      const none = urlOf(object(at), "none");
      for (const [headers, status] of [
        [{}, 200],
        [{ range: "bytes=-5" }, 200],
        [{ range: "bytes=0-" }, 416],
      ] as const) {
        const answer = await call(served.port, none, { headers });
        expect(answer.status).toBe(status);
        if (status === 200) expect([answer.body.length, answer.headers["content-length"]]).toEqual([0, "0"]);
        else expect(answer.headers["content-range"]).toBe("bytes */0");
      }
    });

    it("take their type from a list, never from what was stored", async () => {
      const types = {
        "a.html": "application/octet-stream",
        "a.svg": "application/octet-stream",
        "a.png": "image/png",
      };
      for (const [file, type] of Object.entries(types)) {
        const at = `_schema/lab/t/${randomUUID()}`;
        await put(at, once(Buffer.from("<script>")));
        const { headers } = await call(served.port, urlOf(object(at), file));
        expect([headers["content-type"], headers["content-disposition"]]).toEqual([
          type,
          `attachment; filename="${file}"`,
        ]);
      }
    });

    it("of a folder tell a chunk that never was from one that is lost", async () => {
      const at = `_schema/lab/t/${randomUUID()}.zarr`;
      for (const file of ["zarr.json", "c/0/0"]) await put(`${at}/${file}`, once(Buffer.from(file)));
      const files = ["zarr.json", "c/0/0", "c/0/1"].map((file) => ({ path: file, size: file.length }));
      await put(`${at}.manifest.json`, once(Buffer.from(JSON.stringify({ files }))));
      const folder = urlOf(object(at, { isTree: true }), "movie.zarr", true);
      for (const method of ["GET", "HEAD"]) {
        const status = async (file: string) =>
          (await call(served.port, `${folder}${file}`, { method })).status;
        expect(await Promise.all(["/zarr.json", "/c/0/0", "/c/9/9", "/c/0/1", "", "/c"].map(status))).toEqual(
          [200, 200, 404, 500, 404, 404],
        );
      }
      const part = await call(served.port, `${folder}/c/0/0`, { headers: { range: "bytes=-3" } });
      expect([part.status, part.body.toString()]).toEqual([206, "0/0"]);
      expect((await call(served.port, `${folder}/c/9/9`)).error().extensions.code).toBe("NOT_FOUND");
    });
  });

  describe(`a large value of ${name}`, () => {
    let at: string;
    let path: string;
    beforeAll(async () => {
      at = `_schema/lab/t/${randomUUID()}.bin`;
      await put(at, large());
      path = urlOf(object(at, { sizeBytes: largeBytes }), "large.bin");
    }, 120_000);

    it("is read no faster than its client takes it, and arrives whole", { timeout: 120_000 }, async () => {
      const before = meter.bytes;
      const incoming = await get(path);
      const held = (await meter.settled()) - before;
      // What sockets hold on both sides; not what the store could give.
      expect(held).toBeGreaterThan(0);
      expect(held).toBeLessThan(largeBytes / 2);
      const [received, expected] = [createHash("sha256"), createHash("sha256")];
      for await (const chunk of incoming) received.update(chunk);
      for await (const chunk of large()) expected.update(chunk);
      expect(received.digest("hex")).toBe(expected.digest("hex"));
      expect(meter.bytes - before).toBe(largeBytes);
      while (meter.open > 0) await sleep(20);
    });

    it("is read no more when its client is gone", async () => {
      const before = meter.bytes;
      const incoming = await get(path);
      await meter.settled();
      incoming.destroy();
      while (meter.open > 0) await sleep(20);
      expect(meter.bytes - before).toBeLessThan(largeBytes);
    });

    it("never ends early as if it were whole", async () => {
      await on.willBreak(at, largeBytes);
      const incoming = await get(path);
      expect([incoming.statusCode, incoming.headers["content-length"]]).toEqual([200, String(largeBytes)]);
      await on.breaksNow(at, largeBytes);
      let received = 0;
      const end = await (async () => {
        for await (const chunk of incoming) received += chunk.length;
        return "looks whole";
      })().catch((error: NodeJS.ErrnoException) => error.code);
      expect(end).toBe("ECONNRESET");
      expect(received).toBeLessThan(largeBytes);
      while (meter.open > 0) await sleep(20);
    });
  });
}
