/** Uploads whose parts go straight to the store: S5 of the scenarios, on a real server, with bad days in between. */

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sweepUploads } from "../../src/object/upload-sweep.ts";
import { codeOf, collect } from "../contract/store.ts";
import {
  bytesOf,
  create,
  partBytes,
  partsLaboratory,
  put,
  sendAll,
  sha256,
  target,
  writeRow,
} from "./support/parts-laboratory.ts";

const lab = await partsLaboratory();
const { uploads } = lab.objects;
const content = randomBytes(15_000_000);

async function stored(path: string): Promise<string> {
  const found = await lab.truth.get(path);
  return found === undefined ? "" : sha256(await collect(found.body));
}

/** Servers answer an error, or break the connection of one who sends much in vain. */
const isRefused = (url: string | undefined, body: Uint8Array<ArrayBuffer>): Promise<boolean> =>
  put(url, body).then(
    ({ status }) => status >= 400,
    () => true,
  );

describe("three parts of a file", () => {
  test("are planned, sent to the store, put together, read back, and become a row's object", async () => {
    const upload = await create(lab, content);
    const { parts = [] } = upload;
    expect(parts.map(({ number, sizeBytes }) => [number, sizeBytes])).toEqual([
      [1, partBytes],
      [2, partBytes],
      [3, content.length - 2 * partBytes],
    ]);
    const life = (parts[0]?.expiresAt?.getTime() ?? 0) - Date.now();
    expect(life).toBeGreaterThan(800_000);
    expect(life).toBeLessThanOrEqual(900_000);
    await put(parts[1]?.url, bytesOf(content, parts, 2));
    const half = await uploads.progress(upload.id);
    expect(half).toMatchObject({ state: "OPEN", receivedBytes: String(partBytes) });
    expect(half.parts?.map(({ isReceived, url }) => [isReceived, url])).toEqual([
      [false, undefined],
      [true, undefined],
      [false, undefined],
    ]);
    await sendAll(content, parts);
    expect(await lab.visible()).toEqual([]);
    expect(await uploads.complete(upload.id)).toMatchObject({
      state: "COMPLETE",
      receivedBytes: String(content.length),
    });
    expect(await uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
    const path = await lab.pathOf(upload.id);
    expect(await lab.visible()).toEqual([path]);
    for (const { url, sizeBytes } of parts)
      expect(await isRefused(url, new Uint8Array(sizeBytes))).toBe(true);
    const object = await writeRow(lab, 1, upload.id);
    expect(object).toMatchObject({ path, sizeBytes: content.length, sha256: sha256(content) });
    expect(await stored(path)).toBe(sha256(content));
    expect(await uploads.get(upload.id)).toMatchObject({ state: "USED" });
    expect(await codeOf(uploads.abort(upload.id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(writeRow(lab, 2, upload.id))).toBe("UPLOAD_EXPIRED");
    expect(await stored(path)).toBe(sha256(content));
  });

  test("for a hash-addressed field are deduplicated against what is there", async () => {
    const small = randomBytes(1000);
    const request = target({ addressing: "hash" });
    const staged = [];
    for (const _ of [1, 2]) {
      const upload = await create(lab, small, { parts: 1, target: request });
      await sendAll(small, upload.parts);
      await uploads.complete(upload.id);
      const one = await lab.objects.writer.stageUpload(upload.id, request);
      staged.push(await lab.db.transaction((transaction) => lab.objects.writer.publish(transaction, one)));
    }
    expect(staged[1]).toEqual({ ...staged[0], writtenAt: staged[1]?.writtenAt });
    expect(staged[0]?.hash).toMatch(/^[a-z2-7]{26}$/);
  });

  test("one of which is missing, has another ETag or another size, are refused, nothing is visible, and all can be mended", async () => {
    const before = await lab.visible();
    const upload = await create(lab, content);
    const { parts = [] } = upload;
    const fault = (
      missingParts: number[],
      wrongParts: number[],
      ...given: Parameters<typeof uploads.complete>[1][]
    ) =>
      expect(uploads.complete(upload.id, ...given)).rejects.toMatchObject({
        code: "UPLOAD_MISMATCH",
        details: { missingParts, wrongParts },
      });
    await fault([1, 2, 3], []);
    const first = await put(parts[0]?.url, bytesOf(content, parts, 1));
    await put(parts[2]?.url, bytesOf(content, parts, 3));
    await fault([2], []);
    await put(parts[1]?.url, bytesOf(content, parts, 2));
    await fault([], [2], {
      tags: [
        { number: 1, tag: first.etag },
        { number: 2, tag: '"0123"' },
      ],
    });
    await fault([], [9], { tags: [{ number: 9, tag: "x" }] });
    expect(await lab.visible()).toEqual(before);
    expect(await codeOf(writeRow(lab, 3, upload.id))).toBe("UPLOAD_MISMATCH");
    const tags = [{ number: 1, tag: first.etag.replaceAll('"', "") }, { number: 2 }];
    expect(await uploads.complete(upload.id, { tags })).toMatchObject({ state: "COMPLETE" });
    expect(await stored(await lab.pathOf(upload.id))).toBe(sha256(content));
  });

  test("with other bytes than declared are refused for good, and no row can have them", async () => {
    const upload = await create(lab, content);
    await sendAll(randomBytes(content.length), upload.parts);
    for (const _ of [1, 2]) {
      const refused = uploads.complete(upload.id);
      await expect(refused).rejects.toThrow(/SHA-256/);
      expect(await codeOf(refused)).toBe("UPLOAD_MISMATCH");
    }
    expect(await uploads.progress(upload.id)).toMatchObject({ state: "EXPIRED" });
    expect(await codeOf(writeRow(lab, 4, upload.id))).toBe("UPLOAD_MISMATCH");
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1] }))).toBe("UPLOAD_MISMATCH");
    // The reaper takes the reservation; the bytes are a condemned object, which dies the normal way.
    await lab.db.query("SELECT holdfast.reap()");
    const { rows } = await lab.db.query(
      "SELECT verified_at, condemned_at::text FROM holdfast.object WHERE locator = $1",
      [`cloud:${await lab.pathOf(upload.id)}`],
    );
    expect(rows).toEqual([{ verified_at: null, condemned_at: "-infinity" }]);
    expect(await codeOf(uploads.complete(upload.id))).toBe("UPLOAD_MISMATCH");
  });

  test("are signed again, each for its own number, size, key and method", async () => {
    // A short last part: servers break the connection of one who sends much in vain.
    const twoParts = content.subarray(0, partBytes + 10);
    const upload = await create(lab, twoParts, { parts: 2 });
    const { parts = [] } = upload;
    const [again] = await uploads.signParts(upload.id, { numbers: [2] });
    const url = again?.url ?? "";
    expect(again).toMatchObject({ number: 2, sizeBytes: 10, isReceived: false });
    const bytes = bytesOf(twoParts, parts, 2);
    const forged = [
      [url, bytes.subarray(1)],
      [url, Uint8Array.from([...bytes, 0])],
      [url.replace("partNumber=2", "partNumber=1"), bytes],
      [url.replace("/value_", "/other_"), bytes],
      [url.replace(/uploadId=[^&]+/, "uploadId=0"), bytes],
      [url.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=9999"), bytes],
      [url.replace(/partNumber=2&?/, "").replace(/uploadId=[^&]+&?/, ""), bytes],
    ] as const;
    for (const [where, body] of forged) {
      expect(where === url && body === bytes).toBe(false);
      expect(await isRefused(where, body)).toBe(true);
    }
    for (const method of ["GET", "DELETE", "POST"])
      expect((await fetch(url, { method })).status).toBeGreaterThanOrEqual(400);
    expect((await uploads.progress(upload.id)).receivedBytes).toBe("0");
    expect((await put(url, bytes)).status).toBe(200);
    expect(await uploads.signParts(upload.id, { numbers: [2, 1] })).toMatchObject([
      { number: 2, isReceived: true },
      { number: 1, isReceived: false },
    ]);
    for (const numbers of [[0], [3], [1.5], [-1]])
      expect(await codeOf(uploads.signParts(upload.id, { numbers }))).toBe("BAD_USER_INPUT");
    const many = Array.from({ length: 101 }, () => 1);
    expect(await codeOf(uploads.signParts(upload.id, { numbers: many }))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1], path: "x" }))).toBe("BAD_USER_INPUT");
    await uploads.abort(upload.id);
  });
});

describe("what can be asked for", () => {
  test.each([
    [{ parts: 0 }, "BAD_USER_INPUT"],
    [{ parts: -1 }, "BAD_USER_INPUT"],
    [{ parts: 10_001 }, "LIMIT_EXCEEDED"],
    [{ sizeBytes: String(6 * 2 ** 40) }, "LIMIT_EXCEEDED"],
    [{ kind: "TREE" as const, sha256: undefined }, "BAD_USER_INPUT"],
    [{ files: [] }, "BAD_USER_INPUT"],
  ])("%j is refused", async (more, code) => {
    const { sha256: _, ...rest } = { sha256: undefined, ...more };
    expect(await codeOf(create(lab, content, rest as object))).toBe(code);
  });

  test("a size is needed", async () => {
    const request = { target: target(), field: "Item.value", kind: "FILE", filename: "a", parts: 2 } as const;
    await expect(uploads.create(request)).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      details: { field: "sizeBytes" },
    });
  });

  test("fields whose codec puts bytes before the content take none", async () => {
    const upload = await create(lab, content, { prefix: Buffer.from("a.bin\0") });
    expect(upload.parts).toBeUndefined();
  });

  test("ten thousand parts are planned, a hundred signed at once", async () => {
    const upload = await create(lab, content, { sizeBytes: String(5 * 2 ** 40), parts: 10_000 });
    expect(upload.parts).toHaveLength(10_000);
    expect(upload.parts?.filter(({ url }) => url !== undefined)).toHaveLength(100);
    const sum = upload.parts?.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
    expect(sum).toBe(5 * 2 ** 40);
    expect(await uploads.signParts(upload.id, { numbers: [10_000] })).toMatchObject([{ number: 10_000 }]);
    await uploads.abort(upload.id);
  });

  test.each([0, 1, partBytes, partBytes + 1])("a file of %i bytes in one part", async (size) => {
    const bytes = randomBytes(size);
    const upload = await create(lab, bytes, { parts: 1 });
    expect(upload.parts).toHaveLength(size === 0 ? 0 : 1);
    await sendAll(bytes, upload.parts);
    for (const _ of [1, 2])
      expect(await uploads.complete(upload.id)).toMatchObject({
        state: "COMPLETE",
        receivedBytes: `${size}`,
      });
    expect(await stored(await lab.pathOf(upload.id))).toBe(sha256(bytes));
  });

  test("bytes by PUT are refused for an upload by parts, and parts for one by PUT", async () => {
    const upload = await create(lab, content);
    async function* body() {
      yield content;
    }
    expect(await codeOf(uploads.receive(upload.id, body(), {}))).toBe("BAD_USER_INPUT");
    const plain = await lab.objects.uploads.create({
      target: target(),
      field: "Item.value",
      kind: "FILE",
      filename: "a",
    });
    expect(plain.parts).toBeUndefined();
    expect(await codeOf(uploads.signParts(plain.id, { numbers: [1] }))).toBe("BAD_USER_INPUT");
    await uploads.abort(upload.id);
  });

  test("somebody else can neither sign nor abort", async () => {
    const upload = await create(lab, content, { target: target({ principal: "ada" }) });
    const eve = { principal: "eve" };
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1] }, eve))).toBe("FORBIDDEN");
    expect(await codeOf(uploads.abort(upload.id, eve))).toBe("FORBIDDEN");
    await uploads.abort(upload.id, { principal: "ada" });
  });
});

describe("the end of an upload", () => {
  test("aborted: nothing is left, and all later use is UPLOAD_EXPIRED", async () => {
    const upload = await create(lab, content);
    const { parts = [] } = upload;
    const path = await lab.pathOf(upload.id);
    await put(parts[0]?.url, bytesOf(content, parts, 1));
    expect(await lab.open()).toContain(path);
    for (const _ of [1, 2]) expect(await uploads.abort(upload.id)).toMatchObject({ state: "EXPIRED" });
    expect(await lab.open()).not.toContain(path);
    expect(await isRefused(parts[1]?.url, bytesOf(content, parts, 2))).toBe(true);
    expect(await codeOf(uploads.complete(upload.id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1] }))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(writeRow(lab, 5, upload.id))).toBe("UPLOAD_EXPIRED");
    await lab.db.query("SELECT holdfast.reap()");
    expect(await uploads.get(upload.id)).toMatchObject({ state: "EXPIRED" });
    expect(await uploads.abort(upload.id)).toMatchObject({ state: "EXPIRED" });
  });

  test("aborted while parts are on their way: what arrives afterwards is swept", async () => {
    const upload = await create(lab, content);
    const path = await lab.pathOf(upload.id);
    const sending = sendAll(content, upload.parts).catch(() => undefined);
    await uploads.abort(upload.id);
    await sending;
    await lab.expire(upload.id);
    await sweepUploads(lab.context, fail);
    expect((await lab.open()).filter((open) => open === path)).toEqual([]);
    expect(await lab.visible()).not.toContain(path);
  });

  test("abandoned: after its time its parts go, and those of nobody else", async () => {
    const abandoned = await create(lab, content);
    const running = await create(lab, content);
    const { multipart } = lab.truth;
    const path = await lab.pathOf(abandoned.id);
    // Left by a lost answer; somebody's whose key begins alike; somebody's elsewhere.
    const orphan = await multipart?.begin(path);
    await multipart?.begin(`${path}x`);
    await multipart?.begin("rigs/own");
    await put(abandoned.parts?.[0]?.url, bytesOf(content, abandoned.parts ?? [], 1));
    await sweepUploads(lab.context, fail);
    expect(await lab.open()).toContain(path);
    await lab.expire(abandoned.id);
    // Two replicas at once.
    await Promise.all([sweepUploads(lab.context, fail), sweepUploads(lab.context, fail)]);
    const left = await lab.open();
    expect(orphan).toBeDefined();
    expect(left).not.toContain(path);
    expect(left).toEqual(expect.arrayContaining([`${path}x`, "rigs/own", await lab.pathOf(running.id)]));
    const { rows } = await lab.db.query("SELECT sweep_at FROM holdfast.upload_detail WHERE id = $1", [
      abandoned.id,
    ]);
    expect(rows).toEqual([{ sweep_at: null }]);
    expect(await codeOf(uploads.complete(abandoned.id))).toBe("UPLOAD_EXPIRED");
    await uploads.abort(running.id);
  });

  test("a store that cannot be reached is swept later", async () => {
    const upload = await create(lab, content);
    await lab.expire(upload.id);
    lab.proxy.rule = () => ({ kind: "status", status: 503 });
    const told: unknown[] = [];
    await sweepUploads(lab.context, (error, id) => told.push([id, (error as { code?: string }).code]));
    expect(told).toContainEqual([upload.id, "STORE_UNAVAILABLE"]);
    lab.proxy.rule = () => undefined;
    expect(await lab.open()).toContain(await lab.pathOf(upload.id));
    await lab.expire(upload.id);
    await sweepUploads(lab.context, fail);
    expect(await lab.open()).not.toContain(await lab.pathOf(upload.id));
  });

  test("a sweep runs in the service, from its start on", async () => {
    const upload = await create(lab, content);
    await lab.expire(upload.id);
    const service = await lab.again({ sweep: { everyMs: 100, log: fail } });
    const other = await create(lab, content);
    await expect.poll(() => lab.open()).not.toContain(await lab.pathOf(upload.id));
    await lab.expire(other.id);
    await expect.poll(() => lab.open()).not.toContain(await lab.pathOf(other.id));
    await service.close();
  });

  test("an expired URL is refused", async () => {
    const upload = await create(lab, content);
    const [part] = await lab.objects.uploads.signParts(upload.id, { numbers: [1] });
    const url = part?.url ?? "";
    await lab.db.query(
      "UPDATE holdfast.upload_detail SET expires_at = clock_timestamp() + interval '2.5 s' WHERE id = $1",
      [upload.id],
    );
    const [short] = await uploads.signParts(upload.id, { numbers: [1] });
    const dead = short?.url ?? "";
    const wait = (short?.expiresAt?.getTime() ?? 0) - Date.now() + 1100;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
    const bytes = bytesOf(content, upload.parts ?? [], 1);
    const denied = await fetch(dead, { method: "PUT", body: bytes.subarray(0, 10) });
    expect([denied.status, await denied.text()]).toEqual([403, expect.stringMatching(/expired/i)]);
    expect((await put(url, bytes)).status).toBe(200);
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1] }))).toBe("UPLOAD_EXPIRED");
  });
});

function fail(error: unknown): never {
  throw error;
}
