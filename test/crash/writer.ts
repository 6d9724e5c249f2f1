/**
 * A process that writes rows and objects until it is done, or until a fault ends it. Run as a child by `write-path.test.ts`.
 *
 * Standard output has one JSON line before each change (`begin`) and one after its commit was acknowledged (`ack`).
 * Arguments: database URL, location of the store, number of the child.
 */

import { createHash } from "node:crypto";
import { appendFileSync, writeSync } from "node:fs";
import type { StoredObject } from "../../src/codec/contract.ts";
import { connect } from "../../src/db/database.ts";
import type { StagedObject, StageRequest } from "../../src/object/contract.ts";
import { parseFaultPoints, withCommitFaults } from "../../src/object/fault-points.ts";
import { createObjects } from "../../src/object/objects.ts";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createFileDriver } from "../../src/store/file.ts";

const [url = "", location = "", child = "0"] = process.argv.slice(2);
const faults = parseFaultPoints(process.env["HOLDFAST_FAULT"]);
const db = withCommitFaults(await connect(url, { maxConnections: 6 }), faults);
const driver = logged(createFileDriver(location, { faults }));
const config = {
  name: "main",
  protocol: "file",
  location,
  hashPrefix: "_hash",
  schemaPrefix: "_schema",
  tokenLength: 8,
  driver: {},
};
const store = { config, driver };
const stores = {
  all: new Map([["main", store]]),
  defaultName: "main",
  filepathDefaultName: undefined,
  get: () => store,
};
const { writer, uploads, close } = await createObjects({ db, stores, faults });

/** Notes every key before it is put, for the check that none is put twice. */
function logged(inner: StoreDriver): StoreDriver {
  return {
    ...inner,
    put: (path, body, options) => {
      appendFileSync(`${location}.puts`, `${path}\n`);
      return inner.put(path, body, options);
    },
  };
}

/** Small, seeded, and good enough to vary what is done. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

function target(addressing: "hash" | "schema", id: number): StageRequest {
  return {
    store: "main",
    addressing,
    schema: "lab",
    table: "item",
    column: "value",
    key: [["id", String(id)]],
  };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4000) yield bytes.subarray(at, at + 4000);
}

async function stage(how: number, id: number, content: Buffer): Promise<StagedObject> {
  if (how === 0) return writer.stage(target("hash", id), content);
  if (how === 1) return writer.stage(target("schema", id), () => pieces(content));
  const request = target(how === 2 ? "hash" : "schema", id);
  const kind = how === 4 ? "TREE" : "FILE";
  const upload = await uploads.create({ target: request, field: "Item.value", kind, filename: "f" });
  if (kind === "FILE") await uploads.receive(upload.id, pieces(content), {});
  else {
    await uploads.receive(upload.id, pieces(content.subarray(0, 5000)), { path: "0/a" });
    await uploads.receive(upload.id, pieces(content.subarray(5000)), { path: "1" });
  }
  await uploads.complete(upload.id);
  return writer.stageUpload(upload.id, request);
}

function rowJson(object: StoredObject): string {
  return JSON.stringify({ store: object.store, path: object.path, is_dir: object.isTree });
}

async function put(id: number, how: number, content: Buffer): Promise<void> {
  const digest = sha256(content);
  say({ begin: id, digest });
  const staged = await stage(how, id, content);
  await db.transaction(async (transaction) => {
    const object = await writer.publish(transaction, staged);
    await transaction.query(
      "INSERT INTO lab.item VALUES ($1, $2::jsonb, $3) ON CONFLICT (id) DO UPDATE SET value = excluded.value, digest = excluded.digest",
      [id, rowJson(object), digest],
    );
  });
  say({ ack: id, digest });
}

async function remove(id: number): Promise<void> {
  say({ begin: id, digest: null });
  await db.transaction((transaction) => transaction.query("DELETE FROM lab.item WHERE id = $1", [id]));
  say({ ack: id, digest: null });
}

/** Contents of a small pool meet each other, within the child and across children. */
function contentOf(random: (bound: number) => number): Buffer {
  const text = random(2) === 0 ? `shared ${random(6)} ` : `own ${child} ${random(1e9)} `;
  return Buffer.from(text.repeat(600));
}

async function work(lane: number): Promise<void> {
  const random = randomFrom(Number(child) * 7919 + lane);
  for (let step = 0; step < 10; step++) {
    const id = Number(child) * 100 + lane * 50 + random(4);
    try {
      if (random(6) === 0) await remove(id);
      else await put(id, random(5), contentOf(random));
    } catch (error) {
      say({ failed: id, message: String(error) });
    }
  }
}

await Promise.all([work(0), work(1)]);
await close();
await db.close();
say({ done: true });
