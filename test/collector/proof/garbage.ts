/** Everything that leaves bytes behind which nobody needs: what S18 names, and what it does not. */

import type { ApiProcess, World } from "./world.ts";
import {
  deleteRow,
  foreignInsert,
  foreignPut,
  type Shape,
  sendTree,
  stage,
  targetOf,
  write,
  writeRow,
} from "./writing.ts";

const content = (text: string): Buffer => Buffer.from(text.repeat(40));
const item = (id: number, shape: Shape) => ({ table: "lab.item" as const, id, shape });
const shapes: readonly Shape[] = ["hash", "schema", "tree"];

/** Answers the rows that are left, the files that they need, and those of uploads that were aborted. */
export async function leaveGarbage(
  world: World,
): Promise<{ rows: number; keptFiles: number; abortedFiles: number }> {
  const api = await world.api();
  for (const [index, shape] of shapes.entries()) {
    const id = 10 * index;
    await write(api, item(id, shape), content(`${shape} kept`));
    await superseded(api, id + 1, shape);
    await aborted(api, id + 2, shape);
    await stage(api, item(id + 3, shape), content(`${shape} staged`));
    await write(api, item(id + 4, shape), content(`${shape} deleted`));
    await deleteRow(world, "lab.item", id + 4);
  }
  await expiredUploads(api);
  await droppedTable(world, api);
  await foreignRemains(world);
  // Two rows a shape; a folder of two files has its manifest beside it.
  return { rows: 2 * shapes.length + 1, keptFiles: 2 + 2 + 2 * 3 + 1, abortedFiles: 1 };
}

async function superseded(api: ApiProcess, id: number, shape: Shape): Promise<void> {
  for (const version of [1, 2, 3]) await write(api, item(id, shape), content(`${shape} version ${version}`));
}

async function aborted(api: ApiProcess, id: number, shape: Shape): Promise<void> {
  const staged = await stage(api, item(id, shape), content(`${shape} aborted`));
  const failing = api.db.transaction(async (transaction) => {
    await api.objects.writer.publish(transaction, staged);
    throw new RangeError("rolled back");
  });
  await failing.catch((error: unknown) => {
    if (!(error instanceof RangeError)) throw error;
  });
}

async function expiredUploads(api: ApiProcess): Promise<void> {
  const { uploads } = api.objects;
  const request = (kind: "FILE" | "TREE") => ({
    target: targetOf("lab.item", 90, kind === "FILE" ? "hash" : "schema"),
    field: "Item.value",
    kind,
    filename: "f",
  });
  const body = async function* () {
    yield content("uploaded");
  };
  await uploads.create(request("FILE"));
  await uploads.receive((await uploads.create(request("FILE"))).id, body(), {});
  const complete = await uploads.create(request("FILE"));
  await uploads.receive(complete.id, body(), {});
  await uploads.complete(complete.id);
  await sendTree(api, (await uploads.create(request("TREE"))).id, content("folder"));
  const abandoned = await uploads.create(request("FILE"));
  await uploads.receive(abandoned.id, body(), {});
  await uploads.abort(abandoned.id);
}

async function droppedTable(world: World, api: ApiProcess): Promise<void> {
  await world.db.query("DROP TABLE IF EXISTS lab.dropped");
  await world.db.query("CREATE TABLE lab.dropped (id int PRIMARY KEY, value jsonb)");
  await world.db.query("SELECT holdfast.adopt_column('lab.dropped', 'value', 'main', false)");
  for (const [index, shape] of shapes.entries()) {
    const staged = await stage(api, item(100 + index, shape), content(`${shape} of a dropped table`));
    const locator = await writeRow(api, item(100 + index, shape), staged);
    await world.db.query("INSERT INTO lab.dropped SELECT id, value FROM lab.item WHERE _value_ref = $1", [
      locator,
    ]);
    await deleteRow(world, "lab.item", 100 + index);
  }
  await world.db.query("DROP TABLE lab.dropped");
}

/** A foreign row stays; one was deleted; one never came to its insert. */
async function foreignRemains(world: World): Promise<void> {
  await foreignInsert(world, 1, await foreignPut(world, content("foreign kept")));
  await foreignInsert(world, 2, await foreignPut(world, content("foreign deleted")));
  await deleteRow(world, "peer.item", 2);
  await foreignPut(world, content("foreign never inserted"));
}
