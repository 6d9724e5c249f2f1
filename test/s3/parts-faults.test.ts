/** Uploads by parts on bad days: lost answers, failures between two steps, several at once, a slow store, a lease that is short. */

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ServiceError } from "../../src/errors.ts";
import { type FaultPoints, parseFaultPoints, partPoints } from "../../src/object/fault-points.ts";
import { sweepUploads } from "../../src/object/upload-sweep.ts";
import { codeOf, collect } from "../contract/store.ts";
import {
  create,
  isBegin,
  isComplete,
  partBytes,
  partsLaboratory,
  put,
  sendAll,
  sha256,
  target,
  writeRow,
} from "./support/parts-laboratory.ts";
import type { Fault, Seen } from "./support/proxy.ts";

const lab = await partsLaboratory();
const content = randomBytes(2 * partBytes + 5);
let row = 0;

async function isWhole(id: string): Promise<boolean> {
  const object = await writeRow(lab, ++row, id);
  const found = await lab.truth.get(object.path);
  return found !== undefined && sha256(await collect(found.body)) === sha256(content);
}

/** The faults in turn for requests that match, then none. */
function upon(matches: (request: Seen) => boolean, faults: Fault[]): void {
  const left = [...faults];
  lab.proxy.rule = (request) => (matches(request) ? left.shift() : undefined);
}

async function sent(): Promise<string> {
  const upload = await create(lab, content);
  await sendAll(content, upload.parts);
  return upload.id;
}

const isList = ({ method, url }: Seen): boolean => method === "GET" && /[?&]uploadId=/.test(url);
const isRead = ({ method, url }: Seen): boolean =>
  method === "GET" && !url.includes("uploadId") && url.includes("value_");
const lost: Fault = { kind: "lostReply" };
const busy: Fault = { kind: "status", status: 503 };

describe("lost answers", () => {
  test("to the beginning: the upload works, and what was begun in vain is swept", async () => {
    upon(isBegin, [lost]);
    const upload = await create(lab, content);
    const path = await lab.pathOf(upload.id);
    expect((await lab.open()).filter((open) => open === path)).toHaveLength(2);
    await sendAll(content, upload.parts);
    await lab.objects.uploads.complete(upload.id);
    expect(await isWhole(upload.id)).toBe(true);
    expect((await lab.open()).filter((open) => open === path)).toHaveLength(1);
    await lab.expire(upload.id);
    await sweepUploads(lab.context, (error) => expect(error).toBeUndefined());
    expect(await lab.open()).not.toContain(path);
  });

  test("to every try of the beginning: refused, nothing can be used, all is swept", async () => {
    upon(isBegin, [lost, lost, lost, lost]);
    const before = (await lab.open()).length;
    expect(await codeOf(create(lab, content))).toBe("STORE_UNAVAILABLE");
    expect((await lab.open()).length).toBeGreaterThan(before);
    lab.proxy.rule = () => undefined;
    // The upload that nobody knows was ended at once; later nothing of it is left.
    await lab.db.query(
      "UPDATE holdfast.upload_detail SET expires_at = expires_at - interval '2 hours' WHERE sweep_at < clock_timestamp()",
    );
    await sweepUploads(lab.context, (error) => expect(error).toBeUndefined());
    expect((await lab.open()).length).toBe(before);
  });

  test.each([
    ["to the completion", isComplete, [lost]],
    ["to every try of the completion", isComplete, [lost, lost, lost, lost]],
    ["and silence at the completion", isComplete, [{ kind: "silence" } as Fault]],
    ["and 5xx before the completion", isComplete, [busy]],
    ["to the list of parts", isList, [lost, lost]],
    [
      "and a body that breaks off while it is read back",
      isRead,
      [{ kind: "truncate" }, lost, { kind: "stall" }] as Fault[],
    ],
  ])("%s are found out", async (_, matches, faults) => {
    const id = await sent();
    upon(matches, faults);
    const completed = await lab.objects.uploads.complete(id).catch((error: ServiceError) => error.code);
    // A store that does not answer is told as that, and the next call goes on.
    if (completed === "STORE_UNAVAILABLE") {
      lab.proxy.rule = () => undefined;
      await lab.objects.uploads.complete(id);
    } else expect(completed).toMatchObject({ state: "COMPLETE" });
    expect(await isWhole(id)).toBe(true);
  });

  test("a store that is away is told, and the same call succeeds when it is back", async () => {
    const id = await sent();
    lab.proxy.rule = () => busy;
    expect(await codeOf(lab.objects.uploads.complete(id))).toBe("STORE_UNAVAILABLE");
    expect(await lab.objects.uploads.get(id)).toMatchObject({ state: "OPEN" });
    lab.proxy.rule = () => undefined;
    expect(await lab.objects.uploads.complete(id)).toMatchObject({ state: "COMPLETE" });
    expect(await isWhole(id)).toBe(true);
  });

  test("parts that the store has dropped end the upload", async () => {
    const id = await sent();
    const { rows } = await lab.db.query<{ multipart: string }>(
      "SELECT multipart FROM holdfast.upload_declared WHERE upload = $1",
      [id],
    );
    await lab.truth.multipart?.abort(await lab.pathOf(id), rows[0]?.multipart ?? "");
    expect(await codeOf(lab.objects.uploads.complete(id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(writeRow(lab, 999, id))).toBe("UPLOAD_MISMATCH");
  });
});

describe("a failure at each point", () => {
  test.each(partPoints)("%s leaves nothing unverified usable, and the next call goes on", async (point) => {
    const faulty = await lab.again({ faults: parseFaultPoints(`${point}:error`) });
    const request = { target: target(), field: "Item.value", kind: "FILE", filename: "a", parts: 2 } as const;
    const declared = { sizeBytes: String(content.length), sha256: sha256(content) };
    let upload = await faulty.uploads.create({ ...request, ...declared }).catch(() => undefined);
    expect(upload === undefined).toBe(point === "parts.begun");
    upload ??= await faulty.uploads.create({ ...request, ...declared });
    await sendAll(content, upload.parts);
    if (point !== "parts.begun") {
      expect(await codeOf(faulty.uploads.complete(upload.id))).toBe("STORE_UNAVAILABLE");
      expect(await codeOf(writeRow(lab, 999, upload.id))).toBe("UPLOAD_MISMATCH");
      expect(await faulty.uploads.progress(upload.id)).toMatchObject({
        state: point === "parts.assembled" ? "OPEN" : "RECEIVED",
        receivedBytes: String(content.length),
      });
    }
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
    expect(await isWhole(upload.id)).toBe(true);
  });
});

describe("several at once", () => {
  test("two clients of two replicas complete together: one object, read back once", async () => {
    const other = await lab.again();
    const id = await sent();
    lab.proxy.seen.length = 0;
    const all = [lab.objects, other, lab.objects, other].map(({ uploads }) => uploads.complete(id));
    for (const state of await Promise.all(all)) expect(state).toMatchObject({ state: "COMPLETE" });
    expect(lab.proxy.seen.filter(isComplete)).toHaveLength(1);
    expect(lab.proxy.seen.filter(isRead)).toHaveLength(1);
    expect(await isWhole(id)).toBe(true);
  });

  test("two that are signed at once have one multipart upload", async () => {
    const other = await lab.again();
    const upload = await create(lab, content);
    await lab.db.query("UPDATE holdfast.upload_declared SET multipart = NULL WHERE upload = $1", [upload.id]);
    const signed = await Promise.all(
      [lab.objects, other].map(({ uploads }) => uploads.signParts(upload.id, { numbers: [1, 2, 3] })),
    );
    const ids = signed.flat().map(({ url = "" }) => new URL(url).searchParams.get("uploadId"));
    expect(new Set(ids).size).toBe(1);
    await sendAll(content, signed[1]);
    expect(await lab.objects.uploads.complete(upload.id)).toMatchObject({ state: "COMPLETE" });
  });

  test("a part that is sent again while the upload is completed is in the object, or is not: what is recorded is what is there", async () => {
    const upload = await create(lab, content, { sha256: undefined } as object);
    const { parts = [] } = upload;
    await sendAll(content, parts);
    const others = randomBytes(parts[2]?.sizeBytes ?? 0);
    const [completed] = await Promise.allSettled([
      lab.objects.uploads.complete(upload.id),
      put(parts[2]?.url, Uint8Array.from(others)),
    ]);
    if (completed.status === "rejected") {
      expect(completed.reason).toMatchObject({ code: "UPLOAD_MISMATCH" });
      await lab.objects.uploads.complete(upload.id);
    }
    const object = await writeRow(lab, ++row, upload.id);
    const found = await lab.truth.get(object.path);
    expect(found && sha256(await collect(found.body))).toBe(object.sha256);
  });
});

describe("a verification that takes long", () => {
  /** Holds the reading back at its end until it is let go. */
  function gate(): { faults: FaultPoints; open(): void; reached: Promise<void> } {
    let open = (): void => undefined;
    let arrive = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const faults: FaultPoints = (point) => {
      if (point !== "parts.verified") return undefined;
      arrive();
      return held;
    };
    return { faults, open, reached };
  }

  test("answers VERIFYING, holds no lock, keeps its reservation, and whoever asks again joins", async () => {
    const held = gate();
    const slow = await lab.again({ faults: held.faults, completeWaitMs: 200, uploadMs: 3_000 });
    const upload = await slow.uploads.create({
      target: target(),
      field: "Item.value",
      kind: "FILE",
      filename: "a",
      sizeBytes: String(content.length),
      parts: 2,
    });
    await sendAll(content, upload.parts);
    expect(await slow.uploads.complete(upload.id)).toMatchObject({ state: "VERIFYING" });
    const quick = await lab.again({ completeWaitMs: 50 });
    await held.reached;
    expect(await quick.uploads.complete(upload.id)).toMatchObject({ state: "VERIFYING" });
    expect(await quick.uploads.progress(upload.id)).toMatchObject({ state: "VERIFYING" });
    expect(await codeOf(writeRow(lab, 999, upload.id))).toBe("CONFLICT");
    const { rows } = await lab.db.query(
      `SELECT count(*)::int AS locks FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'holdfast' AND c.relname LIKE 'upload%' AND l.pid <> pg_backend_pid()`,
    );
    expect(rows).toEqual([{ locks: 0 }]);
    // Longer than the reservation would have lasted.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(await quick.uploads.complete(upload.id)).toMatchObject({ state: "VERIFYING" });
    held.open();
    await expect.poll(async () => (await quick.uploads.complete(upload.id)).state).toBe("COMPLETE");
    expect(await isWhole(upload.id)).toBe(true);
  });

  test("is stopped by an abort, and nothing can be used", async () => {
    const held = gate();
    const slow = await lab.again({ faults: held.faults, completeWaitMs: 10_000 });
    const id = await sent();
    const completing = codeOf(slow.uploads.complete(id));
    await held.reached;
    expect(await lab.objects.uploads.abort(id)).toMatchObject({ state: "EXPIRED" });
    held.open();
    expect(await completing).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(writeRow(lab, 999, id))).toBe("UPLOAD_EXPIRED");
    expect(await codeOf(lab.objects.uploads.complete(id))).toBe("UPLOAD_EXPIRED");
  });

  test("of a process that has died is taken over", async () => {
    const held = gate();
    const dead = await lab.again({ faults: held.faults, completeWaitMs: 100 });
    const id = await sent();
    expect(await dead.uploads.complete(id)).toMatchObject({ state: "VERIFYING" });
    await held.reached;
    await lab.db.query(
      "UPDATE holdfast.upload_detail SET claim_until = clock_timestamp() - interval '1 s' WHERE id = $1",
      [id],
    );
    expect(await lab.objects.uploads.get(id)).toMatchObject({ state: "RECEIVED" });
    expect(await lab.objects.uploads.complete(id)).toMatchObject({ state: "COMPLETE" });
    held.open();
    await dead.close();
    expect(await isWhole(id)).toBe(true);
  });

  // The moment decides where it is cut: while the store puts the parts together, or while they are read back.
  test.each([0, 8, 16, 24, 32, 60])(
    "ends with the service after %d ms, and the next one finishes it",
    async (ms) => {
      const id = await sent();
      const stopping = await lab.again({ completeWaitMs: ms });
      upon(isRead, [{ kind: "stall" }]);
      await stopping.uploads.complete(id);
      await stopping.close();
      lab.proxy.rule = () => undefined;
      expect(await lab.objects.uploads.complete(id)).toMatchObject({ state: "COMPLETE" });
      expect(await isWhole(id)).toBe(true);
    },
  );
});

test("memory stays flat while a large object is read back", { timeout: 120_000 }, async () => {
  // Straight to the store: the proxy of these tests holds whole bodies.
  const { config } = lab.context.stores.get("cloud");
  const direct = await lab.again({
    stores: {
      ...lab.context.stores,
      all: new Map([["cloud", { config, driver: lab.truth }]]),
      get: () => ({ config, driver: lab.truth }),
    },
  });
  const piece = new Uint8Array(75 << 20);
  const upload = await direct.uploads.create({
    target: target(),
    field: "Item.value",
    kind: "FILE",
    filename: "a",
    sizeBytes: String(4 * piece.length),
    parts: 4,
  });
  for (const { url } of upload.parts ?? []) expect((await put(url, piece)).status).toBe(200);
  const before = process.memoryUsage().arrayBuffers;
  const held = { peak: before };
  const timer = setInterval(() => {
    held.peak = Math.max(held.peak, process.memoryUsage().arrayBuffers);
  }, 5);
  let state = "VERIFYING";
  while (state === "VERIFYING") ({ state } = await direct.uploads.complete(upload.id));
  clearInterval(timer);
  expect(state).toBe("COMPLETE");
  // Chunks that were read and wait for the garbage collector are in it.
  expect(held.peak - before).toBeLessThan(128 << 20);
});
