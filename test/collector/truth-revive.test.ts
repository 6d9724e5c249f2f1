/** Revival: whatever is not purged comes back. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
});
beforeEach(() => truth.empty(lab.main));

const outcomes = async (...paths: string[]) => (await truth.revive(...paths)).map(({ outcome }) => outcome);
const drained = () => lab.db.query("UPDATE holdfast.store SET drain = '0'");

test("a condemned object loses its mark", async () => {
  const { path } = await truth.write(1, "condemned");
  expect(await outcomes(path)).toEqual(["alive"]);
  await truth.release(path);
  await truth.condemn(path);
  expect(await outcomes(path)).toEqual(["revived"]);
  expect(await truth.object(path)).toMatchObject({ condemned: false, verified: true });
  expect(await truth.steps(path)).toEqual(["revive"]);
});

test("a condemned object that another program registered when its bytes were in the trash gets them back", async () => {
  const { path } = await truth.write(1, "of a peer");
  await truth.kill(path);
  await truth.hide(path);
  await drained();
  await truth.foreign(1, path);
  await truth.release(path);
  await truth.condemn(path);
  expect(await truth.read(path)).toBeUndefined();
  expect(await outcomes(path)).toEqual(["revived"]);
  expect(await truth.read(path)).toBe("of a peer");
  expect(await truth.object(path)).toMatchObject({ verified: true, condemned: false });
  await truth.condemn(path);
  expect(await truth.revive(path)).toMatchObject([{ message: expect.stringContaining("never touched") }]);
});

test("a condemned object whose bytes are nowhere is told as gone, not as revived", async () => {
  const path = "_hash/lab/2qoyzwmpaczaj2mabgmoz6ccpy";
  await truth.foreign(1, path);
  await truth.release(path);
  await truth.condemn(path);
  expect(await outcomes(path)).toEqual(["gone"]);
  expect(await truth.object(path)).toMatchObject({ verified: false, condemned: true });
});

test("a killed object is registered again, and its bytes are verified", async () => {
  const { path, sha256 } = await truth.write(1, "killed");
  await truth.kill(path);
  expect(await outcomes(path)).toEqual(["revived"]);
  expect(await truth.object(path)).toMatchObject({ verified: true, sha256, condemned: false });
  expect((await lab.db.query("SELECT FROM holdfast.tombstone")).rowCount).toBe(0);
  expect(await truth.read(path)).toBe("killed");
});

test("while a worker has it, or a deletion may be on its way, it is busy and nothing changes", async () => {
  const { path } = await truth.write(1, "claimed");
  await truth.kill(path);
  await lab.db.query("SELECT holdfast.claim('another', 10, '5 min')");
  const claimed = await truth.state();
  expect(await outcomes(path)).toEqual(["busy"]);
  expect(await truth.state()).toEqual(claimed);
  await lab.db.query("UPDATE holdfast.tombstone SET claim_until = now() - interval '1 s'");
  await truth.hide(path);
  const hidden = await truth.state();
  const [answer] = await truth.revive(path);
  expect(answer).toMatchObject({ outcome: "busy", message: expect.stringMatching(/until 20\d\d-/) });
  expect(await truth.state()).toEqual(hidden);
});

test("a hidden object comes back from the trash, which stays until it is purged", async () => {
  const { path } = await truth.write(1, "hidden");
  await truth.kill(path);
  const id = await truth.hide(path);
  await drained();
  expect(await truth.read(path)).toBeUndefined();
  expect(await outcomes(path)).toEqual(["revived"]);
  expect(await truth.read(path)).toBe("hidden");
  expect(await truth.object(path)).toMatchObject({ verified: true, condemned: false });
  expect(await truth.read(`_trash/${id}/${path}`)).toBe("hidden");
  expect(await truth.steps(path)).toEqual(["revive", "verify", "heal"]);
  expect(await outcomes(path)).toEqual(["alive"]);
});

test("a folder comes back whole, also when the first attempt was killed", async () => {
  const path = "_schema/lab/item/zarr_5EhXKOuf.zarr";
  await truth.put(`${path}/a`, "1");
  await truth.put(`${path}/0/b`, "22");
  await truth.put(`${path}.manifest.json`, JSON.stringify({ total_size: 3, item_count: 2 }));
  await truth.put(`${path}-other_5EhXKOuf`, "not of it");
  await truth.foreign(1, path);
  await truth.foreign(2, `${path}-other_5EhXKOuf`);
  await truth.check({ apply: true });
  await truth.kill(path);
  await truth.hide(path);
  await drained();
  truth.fault = (point) => {
    if (point === "revive.after-copy") throw new Error("killed");
  };
  await expect(truth.revive(path)).rejects.toThrow("killed");
  truth.fault = () => undefined;
  // What the dead process has left is an object whose bytes are not verified: any check ends it.
  await truth.check({ apply: true });
  expect(await truth.object(path)).toMatchObject({ verified: true, tree: true, size: "3" });
  const files = [`${path}-other_5EhXKOuf`, `${path}.manifest.json`, `${path}/0/b`, `${path}/a`];
  expect(await truth.paths(path)).toEqual(files);
  expect((await truth.check()).told).toEqual([]);
});

test("a key that has bytes keeps them: they are looked at, never overwritten", async () => {
  const { path } = await truth.write(1, "before", "schema");
  await truth.kill(path);
  await truth.hide(path);
  await drained();
  await truth.put(path, "AFTER.");
  const [answer] = await truth.revive(path);
  expect(answer).toMatchObject({ outcome: "revived", message: expect.stringMatching(/SHA-256/) });
  expect(await truth.read(path)).toBe("AFTER.");
  expect(await truth.object(path)).toMatchObject({ verified: false });
});

test("what is purged, or was never there, is gone, and leaves no row", async () => {
  const [purged, emptied] = [await truth.write(1, "purged"), await truth.write(2, "emptied")];
  for (const { path } of [purged, emptied]) {
    await truth.kill(path);
    await truth.hide(path);
  }
  await drained();
  await lab.db.query("DELETE FROM holdfast.tombstone WHERE locator = $1", [truth.locator(purged.path)]);
  await rm(join(lab.main, "_trash"), { recursive: true });
  expect(await outcomes(purged.path, emptied.path, "_hash/lab/never")).toEqual(["gone", "gone", "gone"]);
  expect((await lab.db.query("SELECT FROM holdfast.object")).rowCount).toBe(0);
});

test("trash with other bytes revives nothing, and the row dies the normal way", async () => {
  const { path } = await truth.write(1, "before");
  await truth.kill(path);
  const id = await truth.hide(path);
  await drained();
  await truth.driver.delete(`_trash/${id}/${path}`);
  await truth.put(`_trash/${id}/${path}`, "others");
  const [answer] = await truth.revive(path);
  expect(answer).toMatchObject({ outcome: "gone", message: expect.stringMatching(/other bytes/) });
  expect(await truth.object(path)).toMatchObject({ condemned: true, verified: false });
  expect(await truth.read(path)).toBeUndefined();
});

test("two at once bring it back once", async () => {
  const { path } = await truth.write(1, "twice");
  await truth.kill(path);
  await truth.hide(path);
  await drained();
  const answers = await Promise.all([outcomes(path), outcomes(path)]);
  expect(answers.flat().every((outcome) => outcome === "revived" || outcome === "alive")).toBe(true);
  expect(await truth.object(path)).toMatchObject({ verified: true });
  expect(await truth.read(path)).toBe("twice");
});

test("says what is no locator and what is no store before it does anything", async () => {
  const { path } = await truth.write(1, "kept");
  await truth.release(path);
  await truth.condemn(path);
  expect(await codeOf(truth.revive(path, "_hash/../x"))).toBe("BAD_USER_INPUT");
  const elsewhere = new Truth(lab.db, lab.objects, "main");
  elsewhere.locator = (text) => `nowhere:${text}`;
  expect(await codeOf(elsewhere.revive(path))).toBe("STORE_UNKNOWN");
  expect(await truth.object(path)).toMatchObject({ condemned: true });
});

test("is on record, with its answers", async () => {
  const { path } = await truth.write(1, "recorded");
  await truth.kill(path);
  await truth.revive(path);
  const { rows } = await lab.db.query<{ kind: string; state: string; report: string; by: string }>(
    "SELECT kind, state, by, report::text AS report FROM holdfast.collector_run ORDER BY id DESC LIMIT 1",
  );
  expect(rows[0]).toMatchObject({ kind: "REVIVE", state: "DONE", by: "test" });
  expect(JSON.parse(rows[0]?.report ?? "")).toMatchObject([
    { locator: truth.locator(path), outcome: "revived" },
  ]);
});
