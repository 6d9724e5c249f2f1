/** Folders with declared files, some by parts and some by PUT. */

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { DeclaredFile } from "../../src/object/contract.ts";
import { parseFaultPoints } from "../../src/object/fault-points.ts";
import { sweepUploads } from "../../src/object/upload-sweep.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { partBytes, partsLaboratory, sendAll, sha256, target } from "./support/parts-laboratory.ts";

const lab = await partsLaboratory();
const { uploads } = lab.objects;
const folder: Record<string, Buffer> = {
  "zarr.json": Buffer.from("{}"),
  "c/0/0": randomBytes(2 * partBytes + 3),
  "c/0/1": randomBytes(1000),
  "é/empty": Buffer.alloc(0),
};
const inParts: Record<string, number> = { "c/0/0": 3, "é/empty": 1 };

const declared = (path: string): DeclaredFile => ({
  path,
  sizeBytes: String(folder[path]?.length),
  sha256: sha256(folder[path] ?? Buffer.alloc(0)),
  ...(inParts[path] === undefined ? {} : { parts: inParts[path] }),
});

const create = (files: readonly DeclaredFile[] = Object.keys(folder).map(declared)) =>
  uploads.create({
    target: target({ ext: ".zarr" }),
    field: "Item.value",
    kind: "TREE",
    filename: "x.zarr",
    files,
  });

const put = (id: string, path: string, bytes: Buffer | undefined = folder[path]) =>
  uploads.receive(id, bodyOf(bytes ?? Buffer.alloc(0), 100_000), { path });

async function sendParts(id: string, path: string, bytes = folder[path] ?? Buffer.alloc(0)): Promise<void> {
  const { parts = [] } = await uploads.progress(id, { path });
  await sendAll(bytes, await uploads.signParts(id, { numbers: parts.map(({ number }) => number), path }));
}

async function whole(id: string): Promise<void> {
  const { object } = await lab.objects.writer.stageUpload(id, target());
  expect(object).toMatchObject({ isTree: true, itemCount: 4, sizeBytes: 2 * partBytes + 1005 });
  for (const [path, bytes] of Object.entries(folder)) {
    const found = await lab.truth.get(`${object.path}/${path}`);
    expect(found && sha256(await collect(found.body))).toBe(sha256(bytes));
  }
  const manifest = await lab.truth.get(`${object.path}.manifest.json`);
  const text = (await collect(manifest?.body ?? bodyOf(Buffer.alloc(0)))).toString();
  expect(JSON.parse(text)).toMatchObject({
    files: Object.keys(folder)
      .map((path) => ({ path, size: folder[path]?.length }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
    total_size: 2 * partBytes + 1005,
  });
}

describe("a folder with declared files", () => {
  test("takes each by its way, tells how far it is, and becomes one object with its manifest", async () => {
    const upload = await create();
    expect(upload).toMatchObject({
      state: "OPEN",
      files: [
        { path: "c/0/0", sizeBytes: 2 * partBytes + 3, partCount: 3, isReceived: false },
        { path: "c/0/1", sizeBytes: 1000, isReceived: false },
        { path: "zarr.json", sizeBytes: 2, isReceived: false },
        { path: "é/empty", sizeBytes: 0, partCount: 0, isReceived: false },
      ],
    });
    expect(upload.parts).toBeUndefined();
    await put(upload.id, "zarr.json");
    await put(upload.id, "c/0/1");
    await sendParts(upload.id, "c/0/0");
    const told = await uploads.progress(upload.id);
    expect(told.files?.map(({ isReceived }) => isReceived)).toEqual([false, true, true, false]);
    const file = await uploads.progress(upload.id, { path: "c/0/0" });
    expect(file.parts?.map(({ isReceived }) => isReceived)).toEqual([true, true, true]);
    for (const _ of [1, 2])
      expect(await uploads.complete(upload.id)).toMatchObject({
        state: "COMPLETE",
        receivedBytes: String(2 * partBytes + 1005),
        files: [{ isReceived: true }, { isReceived: true }, { isReceived: true }, { isReceived: true }],
      });
    await whole(upload.id);
  });

  test("is not completed without all of them, and makes nothing of parts before", async () => {
    const before = await lab.visible();
    const upload = await create();
    await sendParts(upload.id, "c/0/0");
    await expect(uploads.complete(upload.id)).rejects.toThrow(/has not received "c\/0\/1", "zarr.json"/);
    expect(await codeOf(uploads.complete(upload.id))).toBe("UPLOAD_MISMATCH");
    expect(await lab.visible()).toEqual(before);
    await put(upload.id, "zarr.json");
    await put(upload.id, "c/0/1");
    await uploads.complete(upload.id);
    await whole(upload.id);
  });

  test("names the file whose part is missing", async () => {
    const upload = await create();
    await put(upload.id, "zarr.json");
    await put(upload.id, "c/0/1");
    await expect(uploads.complete(upload.id)).rejects.toMatchObject({
      code: "UPLOAD_MISMATCH",
      details: { value: "c/0/0", missingParts: [1, 2, 3] },
    });
    await sendParts(upload.id, "c/0/0");
    await uploads.complete(upload.id);
    await whole(upload.id);
  });

  test("takes by PUT only what was declared, as it was declared", async () => {
    const upload = await create();
    expect(await codeOf(put(upload.id, "other", Buffer.from("x")))).toBe("BAD_USER_INPUT");
    expect(await codeOf(put(upload.id, "c/0/0"))).toBe("BAD_USER_INPUT");
    expect(await codeOf(put(upload.id, "zarr.json", Buffer.from("[]")))).toBe("UPLOAD_MISMATCH");
    expect(await codeOf(put(upload.id, "zarr.json", Buffer.from("{} ")))).toBe("UPLOAD_MISMATCH");
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1], path: "zarr.json" }))).toBe(
      "BAD_USER_INPUT",
    );
    expect(await codeOf(uploads.signParts(upload.id, { numbers: [1] }))).toBe("BAD_USER_INPUT");
    expect(await codeOf(uploads.progress(upload.id, { path: "zarr.json" }))).toBe("BAD_USER_INPUT");
    await put(upload.id, "zarr.json");
    await uploads.abort(upload.id);
  });

  test("one of whose parts bring other bytes is refused as a whole", async () => {
    const upload = await create();
    await put(upload.id, "zarr.json");
    await put(upload.id, "c/0/1");
    await sendParts(upload.id, "c/0/0", randomBytes(2 * partBytes + 3));
    for (const _ of [1, 2])
      await expect(uploads.complete(upload.id)).rejects.toThrow(/SHA-256 .* in "c\/0\/0"/);
    expect(await codeOf(lab.objects.writer.stageUpload(upload.id, target()))).toBe("UPLOAD_MISMATCH");
  });

  test.each(["parts.assembled", "parts.verified"])("goes on after a failure at %s", async (point) => {
    const faulty = await lab.again({ faults: parseFaultPoints(`${point}:error`) });
    const upload = await create();
    await put(upload.id, "zarr.json");
    await put(upload.id, "c/0/1");
    await sendParts(upload.id, "c/0/0");
    expect(await codeOf(faulty.uploads.complete(upload.id))).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(lab.objects.writer.stageUpload(upload.id, target()))).toBe("UPLOAD_MISMATCH");
    await uploads.complete(upload.id);
    await whole(upload.id);
  });

  test("abandoned leaves no part", async () => {
    const upload = await create();
    await sendParts(upload.id, "c/0/0");
    const path = await lab.pathOf(upload.id);
    await lab.truth.multipart?.begin(`${path}/c/0/1`);
    expect((await lab.open()).filter((open) => open.startsWith(path))).toHaveLength(2);
    await lab.expire(upload.id);
    await sweepUploads(lab.context, (error) => expect(error).toBeUndefined());
    expect((await lab.open()).filter((open) => open.startsWith(path))).toEqual([]);
  });

  test.each<[string, DeclaredFile[]]>([
    ["no file", []],
    ["a path twice", [declared("zarr.json"), declared("zarr.json")]],
    ["a file that is a folder", [declared("zarr.json"), { path: "zarr.json/a", sizeBytes: "1" }]],
    ["a path upwards", [{ path: "../a", sizeBytes: "1" }]],
    ["an absolute path", [{ path: "/a", sizeBytes: "1" }]],
    ["an empty path", [{ path: "", sizeBytes: "1" }]],
    ["a reserved name", [{ path: `.holdfast-${"a".repeat(24)}.part`, sizeBytes: "1" }]],
    ["a long path", [{ path: `${"a/".repeat(499)}a`, sizeBytes: "1" }]],
    ["a negative size", [{ path: "a", sizeBytes: "-1" }]],
    ["a bad digest", [{ path: "a", sizeBytes: "1", sha256: "abc" }]],
    ["no parts", [{ path: "a", sizeBytes: "1", parts: 0 }]],
  ])("refuses %s", async (_, files) => {
    expect(await codeOf(create(files))).toBe("BAD_USER_INPUT");
  });

  test("refuses too many files, and takes ten thousand", async () => {
    const files = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ path: `c/${index}`, sizeBytes: "1", parts: 1 }));
    expect(await codeOf(create(files(10_001)))).toBe("LIMIT_EXCEEDED");
    const upload = await create(files(10_000));
    expect(upload.files).toHaveLength(10_000);
    await uploads.abort(upload.id);
  });
});
