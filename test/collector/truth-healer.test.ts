/** A read that misses an object fails, and has it healed for the next one. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { createHealer, type Healer } from "../../src/collector/healer.ts";
import type { ObjectReaderFactory } from "../../src/object/contract.ts";
import { codeOf, collect } from "../contract/store.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Truth } from "./truth-laboratory.ts";

let lab: Laboratory;
let truth: Truth;
let healer: Healer | undefined;
let reader: ObjectReaderFactory;
const told: string[] = [];
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
  const objects = await lab.again({
    onMissing: (locator) => {
      told.push(locator);
      healer?.missing(locator);
    },
  });
  reader = objects.reader;
});
beforeEach(async () => {
  await truth.empty(lab.main);
  await lab.db.query("UPDATE holdfast.store SET drain = '0'");
  told.length = 0;
  healer = createHealer(truth.context);
});

async function readOf(path: string, sizeBytes?: number): Promise<string> {
  const file = await reader.file("main", path, sizeBytes === undefined ? {} : { sizeBytes, isRead: true });
  return (await collect(file.stream(0, file.sizeBytes))).toString();
}

const runs = async () => (await lab.db.query("SELECT FROM holdfast.collector_run")).rowCount;

/** All that was begun is done. */
async function healed(): Promise<void> {
  const text = "SELECT FROM holdfast.collector_run WHERE state = 'DONE'";
  for (let tries = 0; tries < 1000 && (await lab.db.query(text)).rowCount < 1; tries++)
    await new Promise((go) => setTimeout(go, 10));
  await healer?.close();
}

test.each([undefined, 6])("from the trash, whether its size was known (%s)", async (size) => {
  await lab.db.query("DELETE FROM holdfast.collector_run");
  const { path } = await truth.write(1, "hidden");
  await truth.kill(path);
  await truth.hide(path);
  await truth.foreign(2, path);
  expect(await codeOf(readOf(path, size))).toBe("OBJECT_MISSING");
  expect(await codeOf(readOf(path, size))).toBe("OBJECT_MISSING");
  await healed();
  expect(await readOf(path)).toBe("hidden");
  expect(new Set(told)).toEqual(new Set([truth.locator(path)]));
  // The two reads are one healing.
  expect(await runs()).toBe(1);
});

test("a folder too", async () => {
  await lab.db.query("DELETE FROM holdfast.collector_run");
  const path = "_schema/lab/item/zarr_5EhXKOuf.zarr";
  await truth.put(`${path}/a`, "1");
  await truth.foreign(1, path);
  await truth.kill(path);
  await truth.hide(path);
  await truth.foreign(2, path);
  const entries = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const entry of reader.tree("main", path).entries()) found.push(entry.path);
    return found;
  };
  expect(await codeOf(entries())).toBe("OBJECT_MISSING");
  await healed();
  expect(await entries()).toEqual(["a"]);
});

test("what no object is, or is there after all, leaves no record", async () => {
  await lab.db.query("DELETE FROM holdfast.collector_run");
  const { path } = await truth.write(1, "there");
  healer?.missing(truth.locator(path));
  healer?.missing("main:_hash/lab/nobody");
  healer?.missing("nowhere:x");
  healer?.missing("nonsense");
  expect(await codeOf(readOf("raw/mine.dat"))).toBe("OBJECT_MISSING");
  await new Promise((go) => setTimeout(go, 100));
  await healer?.close();
  expect(await runs()).toBe(0);
  expect(await truth.object(path)).toMatchObject({ verified: true });
  await rm(join(lab.main, path));
  // Closed: nothing more is begun.
  healer?.missing(truth.locator(path));
  expect(await runs()).toBe(0);
});
