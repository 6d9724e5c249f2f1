import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { StageRequest, UploadRequest } from "../../src/object/contract.ts";
import { parseFaultPoints } from "../../src/object/fault-points.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { type Laboratory, laboratory, target, writeRow } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});

const bytes = (text: string) => Buffer.from(text);
const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

function create(
  more: Partial<UploadRequest> = {},
  request: StageRequest = target("schema", { ext: ".bin" }),
) {
  return lab.objects.uploads.create({
    target: request,
    field: "Item.value",
    kind: "FILE",
    filename: "a.bin",
    ...more,
  });
}

const send = (id: string, content: string, options: { path?: string; sizeBytes?: number } = {}) =>
  lab.objects.uploads.receive(id, bodyOf(bytes(content), 1000), options);

async function pathOf(id: string): Promise<string> {
  const { rows } = await lab.db.query<{ path: string }>(
    "SELECT path FROM holdfast.upload_detail WHERE id = $1",
    [id],
  );
  return rows[0]?.path ?? "";
}

describe("a file", () => {
  test("goes to its reserved key, is completed, and becomes a row's object", async () => {
    const content = "x".repeat(5000);
    const upload = await create({
      sizeBytes: "5000",
      sha256: sha256(bytes(content)),
      mediaType: "text/plain",
    });
    expect(upload).toMatchObject({
      kind: "FILE",
      state: "OPEN",
      receivedBytes: "0",
      filename: "a.bin",
      field: "Item.value",
    });
    expect(upload.expiresAt.getTime() - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(await send(upload.id, content, { sizeBytes: 5000 })).toMatchObject({
      state: "RECEIVED",
      receivedBytes: "5000",
    });
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
    const staged = await lab.objects.writer.stageUpload(upload.id, target("schema"));
    const object = await writeRow(lab, 1, staged);
    expect(object).toMatchObject({
      sizeBytes: 5000,
      sha256: sha256(bytes(content)),
      ext: ".bin",
      isTree: false,
    });
    expect(object.path).toMatch(/^_schema\/lab\/item\/id=1\/value_[A-Za-z0-9_-]{8}\.bin$/);
    expect(await readFile(join(lab.main, object.path), "utf8")).toBe(content);
    expect(await lab.objects.uploads.get(upload.id)).toMatchObject({ state: "USED" });
    expect(await codeOf(lab.objects.writer.stageUpload(upload.id, target("schema")))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(send(upload.id, content))).toBe("UPLOAD_EXPIRED");
  });

  test("for a hash-addressed field has the MD5 of what arrived, behind its prefix, and is deduplicated", async () => {
    const request = target("hash");
    const make = async () => {
      const upload = await create(
        { prefix: bytes("a.bin\0"), sizeBytes: "7", sha256: sha256(bytes("content")) },
        request,
      );
      expect(await send(upload.id, "content")).toMatchObject({ receivedBytes: "7" });
      return lab.objects.writer.stageUpload(upload.id, request);
    };
    const first = await writeRow(lab, 2, await make());
    expect(first.path).toMatch(/^_hash\/lab\/[A-Za-z0-9_-]{8}\/[a-z2-7]{26}$/);
    expect(first.path.endsWith(first.hash ?? "")).toBe(false);
    expect(await readFile(join(lab.main, first.path), "utf8")).toBe("a.bin\0content");
    expect(first).toMatchObject({ sizeBytes: 13, sha256: sha256(bytes("a.bin\0content")) });
    const byValue = await lab.objects.writer.stage(request, bytes("a.bin\0content"));
    expect(byValue.object.hash).toBe(first.hash);
    expect((await writeRow(lab, 3, await make())).path).toBe(first.path);
  });

  test.each([
    ["a wrong digest", { sha256: "0".repeat(64) }, {}, /SHA-256/],
    ["too few bytes", { sizeBytes: "8" }, {}, /7 bytes, but 8/],
    ["too many bytes", { sizeBytes: "6" }, {}, /more than the declared 6/],
    ["an announced size that was not declared", { sizeBytes: "6" }, { sizeBytes: 7 }, /announces 7/],
    ["fewer bytes than announced", {}, { sizeBytes: 9 }, /7 bytes, but 9/],
  ])("%s is refused, leaves nothing, and the right bytes may follow", async (_, more, options, message) => {
    const upload = await create(more);
    const failure = send(upload.id, "content", options);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({ code: "UPLOAD_MISMATCH" });
    expect(await lab.objects.uploads.get(upload.id)).toMatchObject({ state: "OPEN", receivedBytes: "0" });
    await expect(readFile(join(lab.main, await pathOf(upload.id)))).rejects.toThrow("ENOENT");
    const right = "sizeBytes" in more ? "c".repeat(Number(more.sizeBytes)) : "content";
    if (!("sha256" in more)) await send(upload.id, right);
  });

  test("cut on the way leaves nothing visible and can be sent again", async () => {
    const upload = await create({ sizeBytes: "2000000" });
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1_000_000);
      throw new Error("connection reset");
    }
    await expect(lab.objects.uploads.receive(upload.id, cut(), {})).rejects.toThrow("connection reset");
    const path = await pathOf(upload.id);
    expect(await readdir(join(lab.main, path, ".."))).not.toContain(path.split("/").pop());
    expect(await codeOf(lab.objects.uploads.complete(upload.id))).toBe("UPLOAD_MISMATCH");
    expect(await send(upload.id, "y".repeat(2_000_000))).toMatchObject({ state: "RECEIVED" });
  });

  test("sent a second time is fine when identical, a conflict when not", async () => {
    const upload = await create();
    await send(upload.id, "same");
    expect(await send(upload.id, "same")).toMatchObject({ state: "RECEIVED" });
    expect(await codeOf(send(upload.id, "other"))).toBe("STORE_CONFLICT");
    await lab.objects.uploads.complete(upload.id);
    expect(await codeOf(send(upload.id, "other"))).toBe("STORE_CONFLICT");
    expect(await send(upload.id, "same")).toMatchObject({ state: "COMPLETE" });
  });

  test("sent twice at once is received once", async () => {
    const upload = await create();
    const results = await Promise.allSettled([
      send(upload.id, "one"),
      send(upload.id, "two"),
      send(upload.id, "one"),
    ]);
    const stored = (await readFile(join(lab.main, await pathOf(upload.id)))).toString();
    const won = results.map((result) => result.status === "fulfilled");
    expect(won).toEqual(stored === "one" ? [true, false, true] : [false, true, false]);
  });

  test("whose answer was lost after the put is taken when it comes again", async () => {
    const faulty = await lab.again({ faults: parseFaultPoints("put.complete-reply-lost:error") });
    const upload = await create();
    const first = faulty.uploads.receive(upload.id, bodyOf(bytes("kept")), {});
    expect(await codeOf(first)).toBe("STORE_UNAVAILABLE");
    expect(await lab.objects.uploads.get(upload.id)).toMatchObject({ state: "OPEN" });
    expect(await codeOf(send(upload.id, "else"))).toBe("STORE_CONFLICT");
    expect(await send(upload.id, "kept")).toMatchObject({ state: "RECEIVED", receivedBytes: "4" });
  });

  test("takes no relative path", async () => {
    expect(await codeOf(send((await create()).id, "x", { path: "a" }))).toBe("BAD_USER_INPUT");
  });
});

describe("only the field it was made for", () => {
  test.each([
    ["another column", { column: "other" }],
    ["another table", { table: "session" }],
    ["another schema", { schema: "elsewhere" }],
    ["another store", { store: "cold" }],
    ["another addressing", { addressing: "hash" as const }],
    ["another key", { key: [["id", "2"]] as const }],
  ])("%s is refused", async (_, more) => {
    const upload = await create();
    await send(upload.id, "content");
    const refused = lab.objects.writer.stageUpload(upload.id, target("schema", more));
    await expect(refused).rejects.toThrow(/made for Item\.value/);
    expect(await codeOf(refused)).toBe("BAD_USER_INPUT");
  });

  test("a key that was not given at creation is free", async () => {
    const upload = await create({}, target("schema", { key: [] }));
    expect(await pathOf(upload.id)).toMatch(/^_schema\/lab\/item\/value_/);
    await send(upload.id, "content");
    await lab.objects.writer.stageUpload(upload.id, target("schema", { key: [["id", "9"]] }));
  });

  test("another principal is refused", async () => {
    const upload = await create({}, target("schema", { principal: "ada" }));
    await send(upload.id, "content");
    expect(
      await codeOf(lab.objects.writer.stageUpload(upload.id, target("schema", { principal: "eve" }))),
    ).toBe("FORBIDDEN");
    await lab.objects.writer.stageUpload(upload.id, target("schema", { principal: "ada" }));
  });

  test("one that has no bytes cannot be used", async () => {
    expect(await codeOf(lab.objects.writer.stageUpload((await create()).id, target("schema")))).toBe(
      "UPLOAD_MISMATCH",
    );
  });
});

describe("a folder", () => {
  const tree = () => create({ kind: "TREE", filename: "x.zarr" }, target("schema", { ext: ".zarr" }));

  test("arrives file by file and gets the peer's manifest", async () => {
    const upload = await tree();
    const files: Record<string, string> = { "a.txt": "abc", ".zattrs": "{}", "0/1/c": "hello", "é/ü": "" };
    await Promise.all(Object.entries(files).map(([path, content]) => send(upload.id, content, { path })));
    expect(await lab.objects.uploads.get(upload.id)).toMatchObject({ state: "OPEN", receivedBytes: "10" });
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({
      state: "COMPLETE",
      receivedBytes: "10",
    });
    const staged = await lab.objects.writer.stageUpload(upload.id, target("schema"));
    const object = await writeRow(lab, 5, staged);
    expect(object).toMatchObject({ isTree: true, sizeBytes: 10, itemCount: 4, ext: ".zarr" });
    const manifest = await readFile(join(lab.main, `${object.path}.manifest.json`), "utf8");
    expect(JSON.parse(manifest)).toEqual({
      files: [".zattrs", "0/1/c", "a.txt", "é/ü"].map((path) => ({ path, size: files[path]?.length })),
      total_size: 10,
      item_count: 4,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/),
    });
    expect(manifest).toMatch(/^\{\n {2}"files": \[\n {4}\{\n {6}"path": "\.zattrs",\n {6}"size": 2\n {4}\},/);
    expect(manifest).toContain('"path": "\\u00e9/\\u00fc"');
    const reader = lab.objects.reader.tree("main", object.path);
    const found: string[] = [];
    for await (const entry of reader.entries()) found.push(entry.path);
    expect(found).toEqual([".zattrs", "0/1/c", "a.txt", "é/ü"]);
    expect((await collect((await reader.file("0/1/c"))?.stream() ?? bodyOf(bytes("")))).toString()).toBe(
      "hello",
    );
    expect(await reader.file("0/1")).toBeUndefined();
    const { rows } = await lab.db.query("SELECT tree, size, sha256 FROM holdfast.object WHERE locator = $1", [
      staged.locator,
    ]);
    expect(rows).toEqual([{ tree: true, size: "10", sha256: null }]);
  });

  test.each(["../up", "a/../../up", "/abs", "a//b", "", ".", "a\\b", "a\u0000"])(
    "refuses the path %j",
    async (path) => {
      const upload = await tree();
      expect(await codeOf(send(upload.id, "x", { path }))).toBe("BAD_USER_INPUT");
      expect(await codeOf(lab.objects.uploads.complete(upload.id))).toBe("UPLOAD_MISMATCH");
    },
  );

  test("needs a path, and refuses one name for a file and a folder", async () => {
    const upload = await tree();
    expect(await codeOf(send(upload.id, "x"))).toBe("BAD_USER_INPUT");
    await send(upload.id, "x", { path: "a/b" });
    expect(await codeOf(send(upload.id, "x", { path: "a" }))).toBe("STORE_CONFLICT");
    expect(await codeOf(send(upload.id, "x", { path: "a/b/c" }))).toBe("STORE_CONFLICT");
  });

  test("cannot be completed while a file is cut, and takes no file afterwards", async () => {
    const upload = await tree();
    await send(upload.id, "whole", { path: "a" });
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield bytes("ha");
      throw new Error("reset");
    }
    await expect(lab.objects.uploads.receive(upload.id, cut(), { path: "b" })).rejects.toThrow("reset");
    await expect(lab.objects.uploads.complete(upload.id)).rejects.toThrow(/cut in "b"/);
    await send(upload.id, "half", { path: "b" });
    await send(upload.id, "half", { path: "b" });
    expect(await codeOf(send(upload.id, "no", { path: "b" }))).toBe("STORE_CONFLICT");
    await lab.objects.uploads.complete(upload.id);
    expect(await codeOf(send(upload.id, "x", { path: "c" }))).toBe("STORE_CONFLICT");
  });

  test("may be completed again after a completion that got half way", async () => {
    const upload = await tree();
    await send(upload.id, "whole", { path: "a" });
    await lab.objects.uploads.complete(upload.id);
    await lab.db.query("UPDATE holdfast.upload_detail SET state = 'SEALED' WHERE id = $1", [upload.id]);
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
  });

  test("whose bytes changed in the store is not completed", async () => {
    const upload = await tree();
    await send(upload.id, "whole", { path: "a" });
    const file = join(lab.main, await pathOf(upload.id), "a");
    await rm(file);
    expect(await codeOf(lab.objects.uploads.complete(upload.id))).toBe("OBJECT_CORRUPT");
    await writeFile(file, "whole");
    await writeFile(`${file}.extra`, "");
    expect(await codeOf(lab.objects.uploads.complete(upload.id))).toBe("OBJECT_CORRUPT");
    await rm(`${file}.extra`);
    await lab.objects.uploads.complete(upload.id);
  });
});

describe("a folder whose files were declared", () => {
  const files = [
    { path: "a", sizeBytes: "3", sha256: sha256(bytes("abc")) },
    { path: "b/c", sizeBytes: "2", parts: 4 },
  ];
  const tree = () => create({ kind: "TREE", filename: "x", files });

  test("is complete when exactly these have arrived; a file store takes no parts", async () => {
    const upload = await tree();
    expect(upload.files).toEqual([
      { path: "a", sizeBytes: 3, isReceived: false },
      { path: "b/c", sizeBytes: 2, isReceived: false },
    ]);
    expect(await codeOf(send(upload.id, "abd", { path: "a" }))).toBe("UPLOAD_MISMATCH");
    expect(await codeOf(send(upload.id, "x", { path: "d" }))).toBe("BAD_USER_INPUT");
    await send(upload.id, "abc", { path: "a" });
    await expect(lab.objects.uploads.complete(upload.id)).rejects.toThrow(/has not received "b\/c"/);
    await send(upload.id, "xy", { path: "b/c" });
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
    await lab.objects.writer.stageUpload(upload.id, target("schema"));
  });

  test("must have the size that is declared of the whole", async () => {
    expect(await codeOf(create({ kind: "TREE", files, sizeBytes: "6" }))).toBe("BAD_USER_INPUT");
    expect(await codeOf(create({ files }))).toBe("BAD_USER_INPUT");
    await create({ kind: "TREE", files, sizeBytes: "5" });
  });
});

describe("an upload that is ended", () => {
  test("takes no bytes and becomes no row; again is fine", async () => {
    const upload = await create();
    await send(upload.id, "content");
    for (const _ of [1, 2])
      expect(await lab.objects.uploads.abort(upload.id)).toMatchObject({ state: "EXPIRED" });
    expect(await codeOf(send(upload.id, "content"))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(lab.objects.uploads.complete(upload.id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(lab.objects.writer.stageUpload(upload.id, target("schema")))).toBe("UPLOAD_EXPIRED");
    const whole = await create();
    await send(whole.id, "content");
    await lab.objects.uploads.complete(whole.id);
    await lab.objects.uploads.abort(whole.id);
    expect(await codeOf(lab.objects.uploads.complete(whole.id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(lab.objects.writer.stageUpload(whole.id, target("schema")))).toBe("UPLOAD_EXPIRED");
    await lab.db.query("SELECT holdfast.reap()");
    expect(await lab.objects.uploads.abort(upload.id)).toMatchObject({ state: "EXPIRED" });
    expect(await codeOf(lab.objects.uploads.abort("00000000-0000-4000-8000-000000000000"))).toBe("NOT_FOUND");
  });

  test("a file store gives no parts, whatever is asked for", async () => {
    const upload = await create({ parts: 3, sizeBytes: "7" });
    expect(upload.parts).toBeUndefined();
    await send(upload.id, "content");
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
  });
});

describe("uploads that cannot be", () => {
  test("unknown ids, expired ones, bad declarations", async () => {
    for (const id of ["x", "00000000-0000-4000-8000-000000000000", "'; --"]) {
      expect(await codeOf(lab.objects.uploads.get(id))).toBe("NOT_FOUND");
      expect(await codeOf(send(id, "x"))).toBe("NOT_FOUND");
    }
    const upload = await create();
    await send(upload.id, "content");
    await lab.db.query("UPDATE holdfast.upload SET expires_at = now() - interval '1 s' WHERE id = $1", [
      upload.id,
    ]);
    expect(await codeOf(send(upload.id, "content"))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(lab.objects.uploads.complete(upload.id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(lab.objects.writer.stageUpload(upload.id, target("schema")))).toBe("UPLOAD_EXPIRED");
    for (const wrong of [
      { sizeBytes: "-1" },
      { sizeBytes: "1e3" },
      { sha256: "abc" },
      { filename: "" },
      { filename: "a\u0000" },
    ]) {
      expect(await codeOf(create(wrong))).toBe("BAD_USER_INPUT");
    }
    expect(await codeOf(create({ kind: "TREE", sha256: "0".repeat(64) }))).toBe("BAD_USER_INPUT");
    expect(await codeOf(create({ kind: "TREE" }, target("hash")))).toBe("BAD_USER_INPUT");
    expect(await codeOf(create({}, target("schema", { store: "nowhere" })))).toBe("STORE_UNKNOWN");
  });

  test("a large one passes with memory flat", async () => {
    const upload = await create();
    const chunk = Buffer.alloc(1 << 20, 1);
    const before = process.memoryUsage().rss;
    let peak = before;
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 300; index++) {
        yield chunk;
        peak = Math.max(peak, process.memoryUsage().rss);
      }
    }
    expect(await lab.objects.uploads.receive(upload.id, large(), {})).toMatchObject({
      receivedBytes: String(300 << 20),
    });
    expect(peak - before).toBeLessThan(128 << 20);
  });
});
