import { createHash } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { ObjectReaderFactory } from "../../src/object/contract.ts";
import { dataPath } from "../../src/object/data-path.ts";
import { call, type Laboratory, openLaboratory } from "./laboratory.ts";

const sizeBytes = 256 * 2 ** 20;
const piece = Buffer.alloc(2 ** 20, 0x5a);
let lab: Laboratory;

beforeAll(async () => {
  lab = await openLaboratory();
});

async function* large(): AsyncIterable<Uint8Array> {
  for (let sent = 0; sent < sizeBytes; sent += piece.length) yield piece;
}

/** Watches the memory of this process, which is server and client at once, while `work` runs; answers the growth in bytes. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  await work();
  clearInterval(timer);
  return most - before;
}

describe("a file of 256 MB", () => {
  it("goes in and out whole, with memory flat", { timeout: 120_000 }, async () => {
    const { port } = await lab.serve();
    const upload = await lab.objects.uploads.create({
      target: { store: "main", addressing: "schema", schema: "lab", table: "t", column: "c", key: [] },
      field: "T.c",
      kind: "FILE",
      filename: "large.bin",
    });
    const hash = createHash("sha256");
    for await (const each of large()) hash.update(each);
    const sha256 = hash.digest();
    const growth = await growthDuring(async () => {
      const headers = {
        "content-length": sizeBytes,
        "content-digest": `sha-256=:${sha256.toString("base64")}:`,
      };
      const answer = await call(port, `/uploads/${upload.id}`, { method: "PUT", headers, body: large() });
      expect(answer.status).toBe(201);
      const { rows } = await lab.db.query<{ locator: string }>(
        "SELECT locator FROM holdfast.upload WHERE id = $1",
        [upload.id],
      );
      const capability = lab.objects.capabilities.sign({
        kind: "object",
        locator: rows[0]?.locator ?? "",
        gen: "1",
        isTree: false,
      });
      const received = createHash("sha256");
      let count = 0;
      await new Promise<void>((resolve, reject) => {
        request({ host: "127.0.0.1", port, path: dataPath(capability, "large.bin") }, (incoming) => {
          incoming.on("data", (bytes: Buffer) => {
            received.update(bytes);
            count += bytes.length;
          });
          incoming.on("end", resolve).on("error", reject);
        }).end();
      });
      expect([count, received.digest().equals(sha256)]).toEqual([sizeBytes, true]);
    });
    expect(growth).toBeLessThan(sizeBytes / 2);
  });
});

describe("a client that is slow or goes away", () => {
  /** A reader that tells how far it has read, and whether it was stopped; it never ends by itself. */
  function endless(state: { given: number; aborted: boolean; returned: boolean }): ObjectReaderFactory {
    const bytes = {
      sizeBytes: 2 ** 40,
      read: () => Promise.reject(new Error("not used")),
      async *stream(_start?: number, _end?: number, signal?: AbortSignal): AsyncIterable<Uint8Array> {
        signal?.addEventListener("abort", () => {
          state.aborted = true;
        });
        try {
          while (signal?.aborted !== true) {
            state.given += piece.length;
            yield piece;
          }
        } finally {
          state.returned = true;
        }
      },
    };
    return { ...lab.objects.reader, file: async () => bytes };
  }

  it("holds the store back, and stops it", async () => {
    const state = { given: 0, aborted: false, returned: false };
    const { port } = await lab.serve({ objects: { ...lab.objects, reader: endless(state) } });
    const capability = lab.objects.capabilities.sign({
      kind: "object",
      locator: "main:x",
      gen: "1",
      isTree: false,
    });
    const socket = connect(port, "127.0.0.1");
    socket.pause();
    socket.write(`GET ${dataPath(capability, "x")} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await sleep(400);
    const held = state.given;
    await sleep(400);
    expect(held).toBeGreaterThan(0);
    expect(state.given).toBe(held);
    expect(held).toBeLessThan(32 * 2 ** 20);
    socket.destroy();
    await sleep(200);
    expect(state).toMatchObject({ aborted: true, returned: true, given: held });
  });

  it("never gets a shorter body that looks complete", async () => {
    const short = {
      sizeBytes: 1000,
      read: () => Promise.reject(new Error("not used")),
      async *stream(): AsyncIterable<Uint8Array> {
        yield Buffer.alloc(400);
        await sleep(20);
      },
    };
    const { port } = await lab.serve({
      objects: { ...lab.objects, reader: { ...lab.objects.reader, file: async () => short } },
    });
    const capability = lab.objects.capabilities.sign({
      kind: "object",
      locator: "main:x",
      gen: "1",
      isTree: false,
    });
    await expect(call(port, dataPath(capability, "x"))).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });
});
