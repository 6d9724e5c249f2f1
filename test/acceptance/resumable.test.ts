/** Files sent by several requests, through deaths of the service and the client. Public surface only. */

import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Upload, type UploadOptions } from "tus-js-client";
import { afterAll, describe, expect, it } from "vitest";
import { createUpload, send } from "./support/exchange.ts";
import { Place } from "./support/place.ts";

const run = promisify(execFile);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Sends by a tus client until it is done, or gives up. */
function sendByClient(url: string, bytes: Buffer, options: Partial<UploadOptions> = {}): Promise<void> {
  return new Promise((done, fail) => {
    const upload = new Upload(bytes, {
      uploadUrl: url,
      retryDelays: null,
      ...options,
      onSuccess: () => done(),
      onError: fail,
    });
    upload.start();
  });
}

/** The same URL at the service that runs now. */
const now = (place: Place, url: string) => url.replace(/^https?:\/\/[^/]+/, place.url);

/** Gives the upload to a row and reads its bytes back. */
async function use(place: Place, itemId: number, { id, field }: { id: string; field: string }) {
  const { createItem } = await place.get<{ createItem: { item: Record<string, { url: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${field} { url } } } }`,
    { input: { itemId, pictures: [], [field]: { upload: id } } },
  );
  return (await send(createItem.item[field]?.url ?? "")).bytes;
}

const unfinished = (place: Place) => place.files().filter((path) => path.includes(".holdfast-"));

describe("kill -9 of the service", () => {
  const bytes = randomBytes(12 * 2 ** 20 + 17);
  const declared = { sizeBytes: String(bytes.length), sha256: sha256(bytes) };

  it("half-way: the client goes on where the service is", { timeout: 120_000 }, async () => {
    const place = new Place();
    try {
      await place.start();
      const upload = await createUpload(place, "bytes", declared);
      let isDead = false;
      const dying = sendByClient(upload.resumableUrl, bytes, {
        chunkSize: 3_000_000,
        onChunkComplete: (_size, accepted) => {
          if (accepted < 6_000_000 || isDead) return;
          isDead = true;
          place.service.child.kill("SIGKILL");
        },
      });
      await expect(dying).rejects.toThrow();
      await place.service.end("SIGKILL");
      await place.start();
      const url = now(place, upload.resumableUrl);
      const answer = await send(url, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
      const offset = Number(answer.headers.get("upload-offset"));
      expect(offset).toBeGreaterThanOrEqual(6_000_000);
      expect(offset).toBeLessThan(bytes.length);
      await sendByClient(url, bytes, { retryDelays: Array.from({ length: 20 }, () => 500) });
      expect(unfinished(place)).toEqual([]);
      expect((await use(place, 1, { id: upload.id, field: "bytes" })).equals(bytes)).toBe(true);
    } finally {
      await place.close();
    }
  });

  it.each([
    "fs.written:kill:2",
    "fs.synced:kill:3",
    "fs.linked:kill",
    "put.before:kill",
    "put.complete-reply-lost:kill",
  ])(
    "at %s: nothing is acknowledged that is not there, and the same bytes end it",
    { timeout: 120_000 },
    async (fault) => {
      const place = new Place();
      try {
        await place.prepare();
        await place.start({ HOLDFAST_FAULT: fault });
        const upload = await createUpload(place, "bytes", declared);
        let acknowledged = 0;
        const dying = sendByClient(upload.resumableUrl, bytes, {
          chunkSize: 5_000_000,
          onChunkComplete: (_size, accepted) => {
            acknowledged = accepted;
          },
        });
        await expect(dying).rejects.toThrow();
        await place.service.end("SIGKILL");
        await place.start();
        const url = now(place, upload.resumableUrl);
        const [offsets, retryDelays] = [[] as number[], Array.from({ length: 20 }, () => 500)];
        await sendByClient(url, bytes, {
          retryDelays,
          onAfterResponse: (request, response) => {
            if (request.getMethod() === "HEAD" && response.getStatus() === 200)
              offsets.push(Number(response.getHeader("Upload-Offset")));
          },
        });
        expect(offsets[0]).toBeGreaterThanOrEqual(acknowledged);
        expect(unfinished(place)).toEqual([]);
        expect((await use(place, 1, { id: upload.id, field: "bytes" })).equals(bytes)).toBe(true);
      } finally {
        await place.close();
      }
    },
  );
});

describe("a service that runs", () => {
  const place = new Place();
  afterAll(() => place.close());

  it("takes an attachment, whose stored bytes begin with its name", async () => {
    await place.start();
    const bytes = randomBytes(3_000_000);
    const upload = await createUpload(place, "file", {
      filename: "note é.bin",
      sizeBytes: String(bytes.length),
      sha256: sha256(bytes),
    });
    await sendByClient(upload.resumableUrl, bytes, { chunkSize: 700_000 });
    expect((await use(place, 1, { id: upload.id, field: "file" })).equals(bytes)).toBe(true);
  });

  it("has no such URL for a folder", async () => {
    const upload = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
    expect(upload.resumableUrl).toBeNull();
  });

  it("takes 300 MiB with its memory flat", { timeout: 180_000 }, async () => {
    const bytes = randomBytes(300 * 2 ** 20);
    const upload = await createUpload(place, "bytes", { sizeBytes: String(bytes.length) });
    const mebibytes = async (): Promise<number> => {
      const { stdout } = await run("ps", ["-o", "rss=", "-p", String(place.service.child.pid)]);
      return Math.round(Number(stdout) / 1024);
    };
    const curve = [await mebibytes()];
    let isDone = false;
    const watching = (async () => {
      for (; !isDone; await new Promise((done) => setTimeout(done, 100))) curve.push(await mebibytes());
    })();
    const began = performance.now();
    try {
      await sendByClient(upload.resumableUrl, bytes);
    } finally {
      isDone = true;
      await watching;
    }
    const told = `RSS in MiB: ${curve.join(" ")}; ${Math.round(300_000 / (performance.now() - began))} MiB/s`;
    expect(Math.max(...curve) - (curve[0] ?? 0), told).toBeLessThan(200);
    expect(sha256(await use(place, 3, { id: upload.id, field: "bytes" }))).toBe(sha256(bytes));
  });

  it("takes what the curl script sends, which goes on when it is run again", {
    timeout: 60_000,
  }, async () => {
    const script = resolve(import.meta.dirname, "../../examples/curl/upload-resumable.sh");
    const file = join(place.folder, "data.bin");
    const bytes = randomBytes(2_500_000);
    writeFileSync(file, bytes);
    const env = { ...process.env, CHUNK_BYTES: "600000" };
    const args = [place.url, "Item", "bytes", file];
    const slow = run("sh", [script, ...args], { env: { ...env, CHUNK_BYTES: "1000" } });
    for (let tries = 0; !existsSync(`${file}.upload`) && tries < 400; tries++)
      await new Promise((done) => setTimeout(done, 25));
    await new Promise((done) => setTimeout(done, 300));
    slow.child.kill("SIGKILL");
    await expect(slow).rejects.toThrow();
    expect(existsSync(`${file}.upload`)).toBe(true);
    const { stdout } = await run("sh", [script, ...args], { env });
    expect(existsSync(`${file}.upload`)).toBe(false);
    expect((await use(place, 2, { id: stdout.trim(), field: "bytes" })).equals(bytes)).toBe(true);
    const wrong = run("sh", [script, place.url, "Item", "nothing", file], { env });
    await expect(wrong).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("nothing") });
  });
});
