/** What writers do, through the service's own object side or, as foreign writers, past it. */

import { createHash } from "node:crypto";
import type { StagedObject, StageRequest } from "../../../src/object/contract.ts";
import { base32 } from "../../../src/object/digest.ts";
import type { ApiProcess, Table, World } from "./world.ts";

export type Shape = "hash" | "schema" | "tree";

export function targetOf(table: Table, id: number, shape: Shape): StageRequest {
  const [schema = "", name = ""] = table.split(".");
  return {
    store: "main",
    addressing: shape === "hash" ? "hash" : "schema",
    schema,
    table: name,
    column: "value",
    key: [["id", String(id)]],
  };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4000) yield bytes.subarray(at, at + 4000);
}

/** A folder of two files, whose bytes one after the other are `content`. */
export async function sendTree(api: ApiProcess, id: string, content: Uint8Array): Promise<void> {
  const half = Math.floor(content.length / 2);
  await api.objects.uploads.receive(id, pieces(content.subarray(0, half)), { path: "0/a" });
  await api.objects.uploads.receive(id, pieces(content.subarray(half)), { path: "1" });
}

/** Brings `content` into the store, to be published later. */
export async function stage(
  api: ApiProcess,
  target: { readonly table: Table; readonly id: number; readonly shape: Shape },
  content: Uint8Array,
): Promise<StagedObject> {
  const request = targetOf(target.table, target.id, target.shape);
  if (target.shape !== "tree") return api.objects.writer.stage(request, () => pieces(content));
  const { uploads, writer } = api.objects;
  const { id } = await uploads.create({ target: request, field: "Item.value", kind: "TREE", filename: "f" });
  await sendTree(api, id, content);
  await uploads.complete(id);
  return writer.stageUpload(id, request);
}

/** Publishes and writes the row, in one transaction. Answers the locator in the row. */
export function writeRow(
  api: ApiProcess,
  row: { readonly table: Table; readonly id: number },
  staged: StagedObject,
): Promise<string> {
  return api.db.transaction(async (transaction) => {
    const object = await api.objects.writer.publish(transaction, staged);
    const json = JSON.stringify({ store: object.store, path: object.path, is_dir: object.isTree });
    await transaction.query(
      `INSERT INTO ${row.table} VALUES ($1, $2::jsonb) ON CONFLICT (id) DO UPDATE SET value = excluded.value`,
      [row.id, json],
    );
    await api.life.faults("publish.before-commit");
    return `${object.store}:${object.path}`;
  });
}

export async function write(
  api: ApiProcess,
  target: { readonly table: Table; readonly id: number; readonly shape: Shape },
  content: Uint8Array,
): Promise<string> {
  return writeRow(api, target, await stage(api, target, content));
}

export async function deleteRow(world: World, table: Table, id: number): Promise<boolean> {
  return (await world.db.query(`DELETE FROM ${table} WHERE id = $1`, [id])).rowCount > 0;
}

/** A clone: a hold of the other schema and a row that names the same bytes. False: it was refused, cleanly. */
export function clone(
  world: World,
  from: { readonly table: Table; readonly id: number },
  to: { readonly table: Table; readonly id: number },
): Promise<boolean> {
  return world.db.transaction(async (transaction) => {
    const { rows } = await transaction.query<{ held: boolean }>(
      `SELECT holdfast.hold_existing($1, _value_ref) AS held FROM ${from.table} WHERE id = $2`,
      [to.table.split(".")[0], from.id],
    );
    if (rows[0]?.held !== true) return false;
    const { rowCount } = await transaction.query(
      `INSERT INTO ${to.table} (id, value) SELECT $1, value FROM ${from.table} WHERE id = $2
       ON CONFLICT (id) DO UPDATE SET value = excluded.value`,
      [to.id, from.id],
    );
    return rowCount > 0;
  });
}

/** Where DataJoint puts this content for the schema `peer`. */
function peerPath(content: Uint8Array): string {
  return `_hash/peer/${base32(createHash("md5").update(content).digest())}`;
}

/** The first half of a foreign insert: looks, and puts what is not there. Answers the path. */
export async function foreignPut(world: World, content: Uint8Array): Promise<string> {
  const { driver } = world.plain.get("main");
  const path = peerPath(content);
  if ((await driver.head(path)) !== undefined) return path;
  if (world.putAnyway === undefined) await driver.put(path, pieces(content));
  else await world.putAnyway(path, content);
  return path;
}

/** The other half: a row past the service. @throws CONFLICT or the like (SQLSTATE 55006) while the key is being deleted. */
export async function foreignInsert(world: World, id: number, path: string): Promise<void> {
  await world.db.query(
    "INSERT INTO peer.item VALUES ($1, $2::jsonb) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
    [id, JSON.stringify({ store: "main", path })],
  );
}
