/** Imports in the object protocol: the same intake as a PUT, one at a time, told as they go. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ServiceError } from "../../src/errors.ts";
import type { UploadRequest } from "../../src/object/contract.ts";
import type { ImportEvent, OpenRemote } from "../../src/object/import-contract.ts";
import type { Objects } from "../../src/object/objects.ts";
import { createRemote } from "../../src/remote/open.ts";
import { remoteSettingsFrom } from "../../src/remote/settings.ts";
import { codeOf } from "../contract/store.ts";
import { answering, endless, type Listening, serve } from "../remote/support/servers.ts";
import { type Laboratory, laboratory, target, writeRow } from "./laboratory.ts";

let lab: Laboratory;
let objects: Objects;
const events: ImportEvent[] = [];

/** Everything on loopback, at any port: the rules have tests of their own. */
const open: OpenRemote = (url, request) => {
  const { host } = new URL(url);
  const { rules, limits } = remoteSettingsFrom({ HOLDFAST_IMPORT_PRIVATE_HOSTS: host });
  const resolve = async () => [{ address: "127.0.0.1", family: 4 }];
  return createRemote({ rules, limits, resolve })(url, request);
};

beforeAll(async () => {
  lab = await laboratory();
  objects = await lab.again({
    remote: open,
    importsAtATime: 2,
    onImport: (event) => void events.push(event),
  });
});

const create = (more: Partial<UploadRequest> = {}, principal = "ann") =>
  objects.uploads.create({
    target: target("schema", { ext: ".bin", principal }),
    field: "Item.value",
    kind: "FILE",
    filename: "a.bin",
    ...more,
  });

const at = ({ port }: Listening, path = "/x") => `http://files.lab:${port}${path}`;
const ann = { principal: "ann" };
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const files = () =>
  readdirSync(lab.main, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());

describe("an import", () => {
  test("fills the reserved key, which a row may then name, and is in the log by host alone", async () => {
    const server = await serve(answering("content"));
    const upload = await create({ sizeBytes: "7", sha256: sha256("content") });
    events.length = 0;
    const state = await objects.uploads.import(upload.id, at(server, "/p?token=hunter2"), ann);
    expect(state).toMatchObject({ state: "RECEIVED", receivedBytes: "7" });
    const host = `files.lab:${server.port}`;
    expect(events).toEqual([
      { event: "began", principal: "ann", field: "Item.value", host },
      { event: "done", principal: "ann", field: "Item.value", host: "files.lab", receivedBytes: 7 },
    ]);
    const staged = await objects.writer.stageUpload(upload.id, target("schema"));
    const { path } = await writeRow(lab, 1, staged);
    expect(readFileSync(join(lab.main, path), "utf8")).toBe("content");
    expect(await codeOf(objects.uploads.import(upload.id, at(server), ann))).toBe("UPLOAD_EXPIRED");
  });

  test("has the codec's prefix and the digest of what is stored", async () => {
    const server = await serve(answering("content"));
    const request = target("hash", { principal: "ann" });
    const upload = await create({
      target: request,
      prefix: Buffer.from("a.bin\0"),
      sha256: sha256("content"),
    });
    await objects.uploads.import(upload.id, at(server), ann);
    const { object } = await objects.writer.stageUpload(upload.id, request);
    expect(object).toMatchObject({ sizeBytes: 13, sha256: sha256("a.bin\0content") });
  });

  test("again from the same URL changes nothing; from another, after a PUT, or to a folder is refused", async () => {
    const server = await serve(answering("content"));
    const upload = await create();
    await objects.uploads.import(upload.id, at(server), ann);
    expect(await objects.uploads.import(upload.id, at(server), ann)).toMatchObject({ state: "RECEIVED" });
    expect(server.heads).toHaveLength(1);
    expect(await codeOf(objects.uploads.import(upload.id, at(server, "/y"), ann))).toBe("STORE_CONFLICT");
    const sent = await create();
    await objects.uploads.receive(sent.id, (async function* () {})(), {});
    expect(await codeOf(objects.uploads.import(sent.id, at(server), ann))).toBe("STORE_CONFLICT");
    const folder = await create({ kind: "TREE" });
    expect(await codeOf(objects.uploads.import(folder.id, at(server), ann))).toBe("BAD_USER_INPUT");
    expect(server.heads).toHaveLength(1);
  });

  test.each([
    ["fewer bytes than declared", { sizeBytes: "8" }, "UPLOAD_MISMATCH"],
    ["more bytes than declared", { sizeBytes: "6" }, "UPLOAD_MISMATCH"],
    ["another digest", { sha256: sha256("other") }, "UPLOAD_MISMATCH"],
  ])("%s: nothing is kept, and another import starts over", async (_name, declared, code) => {
    const wrong = await serve(answering("content"));
    const upload = await create(declared);
    const before = files().length;
    expect(await codeOf(objects.uploads.import(upload.id, at(wrong), ann))).toBe(code);
    expect(files()).toHaveLength(before);
    expect(await objects.uploads.get(upload.id)).toMatchObject({ state: "OPEN", receivedBytes: "0" });
    const text = "sizeBytes" in declared ? "c".repeat(Number(declared.sizeBytes)) : "other";
    const right = await serve(answering(text));
    expect(await objects.uploads.import(upload.id, at(right), ann)).toMatchObject({ state: "RECEIVED" });
  });

  test("that breaks off leaves nothing, and another starts over", async () => {
    const cut = await serve((socket) => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
    const upload = await create();
    const before = files().length;
    events.length = 0;
    expect(await codeOf(objects.uploads.import(upload.id, at(cut), ann))).toBe("IMPORT_FAILED");
    expect(events.at(-1)).toMatchObject({ event: "failed", reason: "IMPORT_FAILED" });
    expect(files()).toHaveLength(before);
    const whole = await serve(answering("content"));
    expect(await objects.uploads.import(upload.id, at(whole), ann)).toMatchObject({ receivedBytes: "7" });
  });

  test("is refused to others than who made the upload, and where imports are off", async () => {
    const server = await serve(answering("content"));
    const upload = await create();
    expect(await codeOf(objects.uploads.import(upload.id, at(server), { principal: "bob" }))).toBe(
      "FORBIDDEN",
    );
    const off = lab.objects.uploads.import(upload.id, at(server), ann);
    await expect(off).rejects.toMatchObject({
      code: "IMPORT_REFUSED",
      message: expect.stringContaining("HOLDFAST_IMPORT_HOSTS"),
    });
    expect(server.connections()).toBe(0);
  });
});

describe("an import that runs", () => {
  test("tells how far it is, keeps others away in every process, and ends with its caller", async () => {
    const server = await serve(endless(Buffer.alloc(10_000), 20));
    const upload = await create();
    const other = await lab.again({ remote: open });
    const controller = new AbortController();
    const running = objects.uploads.import(upload.id, at(server), { ...ann, signal: controller.signal });
    const ended = codeOf(
      running.catch((error: unknown) => Promise.reject(new ServiceError("CONFLICT", String(error)))),
    );
    await expect.poll(() => server.heads.length).toBe(1);
    expect(await codeOf(other.uploads.import(upload.id, at(server), ann))).toBe("CONFLICT");
    expect(await codeOf(objects.uploads.import(upload.id, at(server), ann))).toBe("CONFLICT");
    await expect
      .poll(async () => Number((await other.uploads.get(upload.id)).receivedBytes), { timeout: 10_000 })
      .toBeGreaterThan(0);
    const before = files().filter(({ name }) => !name.endsWith(".part")).length;
    controller.abort(new Error("gone"));
    expect(await ended).toBe("CONFLICT");
    await expect.poll(() => server.open()).toBe(0);
    expect(files()).toHaveLength(before);
    expect(await objects.uploads.get(upload.id)).toMatchObject({ state: "OPEN", receivedBytes: "0" });
    const whole = await serve(answering("content"));
    expect(await other.uploads.import(upload.id, at(whole), ann)).toMatchObject({ receivedBytes: "7" });
  });

  test("counts: a caller may run so many at a time, others are not held up", async () => {
    const server = await serve((socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"));
    const controller = new AbortController();
    const start = async () => {
      const { id } = await create();
      return objects.uploads.import(id, at(server), { ...ann, signal: controller.signal });
    };
    const running = [start(), start()].map((one) => one.catch(() => "ended"));
    await expect.poll(() => server.heads.length).toBe(2);
    expect(await codeOf(start())).toBe("RATE_LIMITED");
    const whole = await serve(answering("content"));
    const { id } = await create({}, "bob");
    await objects.uploads.import(id, at(whole), { principal: "bob" });
    controller.abort();
    expect(await Promise.all(running)).toEqual(["ended", "ended"]);
    const { id: next } = await create();
    expect(await objects.uploads.import(next, at(whole), ann)).toMatchObject({ receivedBytes: "7" });
  });

  test("whose process died can be begun again when its claim has run out", async () => {
    const server = await serve(answering("content"));
    const upload = await create();
    // What a process leaves that was killed: a claim that nobody renews.
    const leave = (until: string) =>
      lab.db.query(
        `INSERT INTO holdfast.upload_import (upload, source, claim, principal, received, claimed_until)
         VALUES ($1, '', gen_random_uuid(), 'dead', 5, clock_timestamp() + $2::interval)
         ON CONFLICT (upload) DO UPDATE SET claimed_until = excluded.claimed_until`,
        [upload.id, until],
      );
    await leave("1 minute");
    expect(await objects.uploads.get(upload.id)).toMatchObject({ receivedBytes: "5" });
    expect(await codeOf(objects.uploads.import(upload.id, at(server), ann))).toBe("CONFLICT");
    await leave("-1 second");
    expect(await objects.uploads.get(upload.id)).toMatchObject({ receivedBytes: "0" });
    expect(await objects.uploads.import(upload.id, at(server), ann)).toMatchObject({ receivedBytes: "7" });
  });

  test("and a PUT at the same time: the first to arrive is the upload, the other must be equal", async () => {
    let release: (() => void) | undefined;
    const server = await serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabc");
      release = () => socket.end("defg");
    });
    const upload = await create();
    const importing = objects.uploads.import(upload.id, at(server), ann);
    await expect.poll(() => server.heads.length).toBe(1);
    await objects.uploads.receive(
      upload.id,
      (async function* () {
        yield Buffer.from("content");
      })(),
      {},
    );
    release?.();
    expect(await codeOf(importing)).toBe("STORE_CONFLICT");
    const staged = await objects.writer.stageUpload(upload.id, target("schema"));
    expect(readFileSync(join(lab.main, staged.object.path), "utf8")).toBe("content");
  });
});

describe("what one caller may reserve", () => {
  test("so many uploads, until some are used or expire; so many bytes", async () => {
    const quota = { uploads: 3, bytes: 100 };
    const small = await lab.again({ quota });
    const make = (sizeBytes: string, principal: string) =>
      small.uploads.create({
        target: target("schema", { ext: ".bin", principal }),
        field: "Item.value",
        kind: "FILE",
        filename: "a.bin",
        sizeBytes,
      });
    await make("60", "carl");
    await expect(make("41", "carl")).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { setting: "HOLDFAST_MAX_RESERVED_BYTES", limit: 100 },
    });
    await make("40", "carl");
    const { id } = await make("0", "carl");
    await expect(make("0", "carl")).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { setting: "HOLDFAST_MAX_OPEN_UPLOADS", limit: 3 },
    });
    expect(await make("100", "dora")).toMatchObject({ state: "OPEN" });
    await small.uploads.receive(id, (async function* () {})(), {});
    await writeRow(lab, 77, await small.writer.stageUpload(id, target("schema")));
    expect(await make("0", "carl")).toMatchObject({ state: "OPEN" });
    const { rowCount } = await lab.db.query(
      "UPDATE holdfast.upload SET expires_at = clock_timestamp() WHERE principal = 'carl' AND expires_at > clock_timestamp()",
    );
    expect(rowCount).toBe(3);
    expect(await make("100", "carl")).toMatchObject({ state: "OPEN" });
  });

  test("of many at once no more get in", async () => {
    const small = await lab.again({ quota: { uploads: 3, bytes: 1e9 } });
    const made = await Promise.allSettled(
      Array.from({ length: 8 }, () =>
        small.uploads.create({
          target: target("schema", { principal: "eve" }),
          field: "Item.value",
          kind: "FILE",
          filename: "a.bin",
        }),
      ),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  });

  test("bytes that came without being declared count as well", async () => {
    const small = await lab.again({ quota: { uploads: 10, bytes: 10 } });
    const make = () =>
      small.uploads.create({
        target: target("schema", { principal: "fay" }),
        field: "Item.value",
        kind: "FILE",
        filename: "a.bin",
      });
    const { id } = await make();
    await small.uploads.receive(
      id,
      (async function* () {
        yield Buffer.alloc(11);
      })(),
      {},
    );
    expect(await codeOf(make())).toBe("LIMIT_EXCEEDED");
  });
});
