/**
 * A process of the API in the drill: writes, overwrites, clones and deletes rows, leaves uploads behind, and does what foreign writers do,
 * until it has done enough or a fault ends it. Arguments: database URL, stores as JSON, number of its lane, seed. Never by hand.
 */

import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { isServiceError } from "../../../src/errors.ts";
import { once, World } from "../proof/world.ts";
import {
  clone,
  deleteRow,
  foreignInsert,
  foreignPut,
  type Shape,
  sendTree,
  stage,
  targetOf,
  writeRow,
} from "../proof/writing.ts";
import { arms } from "./arms.ts";
import { say } from "./lines.ts";
import { pickFrom, randomFrom } from "./random.ts";

const [url = "", stores = "{}", lane = "0", seed = "1"] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const faults = arms();
const world = await World.open(url, JSON.parse(stores), { faults, connections: 4 });
const api = await world.api();
const steps = 60;
const first = Number(lane) * 100;

const digestOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

/** Contents of a small pool meet each other across lanes; others are of this process alone. */
function contentOf(): Buffer {
  const text = random(2) === 0 ? `shared ${random(8)} ` : `own ${seed} ${random(2 ** 30)} `;
  return Buffer.from(text.repeat(1 + random(900)));
}

async function change(key: string, digest: string | null, work: () => Promise<boolean>): Promise<void> {
  say({ begin: key, digest });
  if (await work()) say({ ack: key, digest });
}

async function write(): Promise<void> {
  const content = contentOf();
  const target = {
    table: "lab.item",
    id: first + random(12),
    shape: pickFrom<Shape>(random, ["hash", "schema", "tree"]),
  } as const;
  const staged = await stage(api, target, content);
  if (random(6) === 0) return;
  await change(`lab.item ${target.id}`, digestOf(content), async () => {
    await writeRow(api, target, staged);
    await faults("publish.reply-lost");
    return true;
  });
}

async function remove(): Promise<void> {
  const table = pickFrom(random, ["lab.item", "proj.item", "peer.item"] as const);
  const id = first + random(12);
  await change(`${table} ${id}`, null, async () => {
    await deleteRow(world, table, id);
    return true;
  });
}

/** The lane's own rows: nobody else changes them meanwhile. */
async function cloneOne(): Promise<void> {
  const from = { table: "lab.item", id: first + random(12) } as const;
  const to = { table: "proj.item", id: first + random(12) } as const;
  const { rows } = await world.db.query<{ locator: string }>(
    "SELECT _value_ref AS locator FROM lab.item WHERE id = $1",
    [from.id],
  );
  if (rows[0] === undefined) return;
  say({ begin: `${to.table} ${to.id}`, digest: `of ${from.table} ${from.id}` });
  if (await clone(world, from, to))
    say({ ack: `${to.table} ${to.id}`, digest: `of ${from.table} ${from.id}` });
  else say({ wrong: `${from.table} ${from.id} could not be cloned` });
}

async function foreign(): Promise<void> {
  const content = contentOf();
  const path = await foreignPut(world, content);
  if (random(5) === 0) return;
  const id = first + random(12);
  await change(`peer.item ${id}`, digestOf(content), async () => {
    await foreignInsert(world, id, path);
    return true;
  });
}

async function leaveUpload(): Promise<void> {
  const { uploads } = api.objects;
  const isTree = random(2) === 0;
  const target = targetOf("lab.item", 0, isTree ? "tree" : "hash");
  const { id } = await uploads.create({
    target,
    field: "Item.value",
    kind: isTree ? "TREE" : "FILE",
    filename: "f",
  });
  if (isTree) await sendTree(api, id, contentOf());
  else if (random(3) > 0) await uploads.receive(id, once(contentOf()), {});
  if (random(3) === 0) await uploads.abort(id);
}

const works = [write, write, write, write, remove, remove, cloneOne, foreign, foreign, leaveUpload];
for (let step = 0; step < steps; step++) {
  const before = world.judge.puts.size;
  try {
    await pickFrom(random, works)();
  } catch (error) {
    // The database is away, the key is being deleted, the object went: the row is as it was, or as it was to be.
    const code = isServiceError(error) ? error.code : undefined;
    say(code === undefined ? { wrong: String(error) } : { refused: code });
    await delay(50);
  }
  for (const locator of [...world.judge.puts].slice(before)) say({ put: locator });
}
for (const wrong of world.judge.wrong) say({ wrong });
await world.close().catch(() => undefined);
say({ done: "writer" });
process.exit(0);
