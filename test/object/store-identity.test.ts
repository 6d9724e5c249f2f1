import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createObjects, type Objects } from "../../src/object/objects.ts";
import type { Store, StoreDriver, Stores } from "../../src/store/contract.ts";
import { createFileDriver } from "../../src/store/file.ts";
import { markerPath } from "../../src/store/identity.ts";
import { verifyStore } from "../../src/store/verify.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { type Laboratory, laboratory, target } from "./laboratory.ts";

let lab: Laboratory;
let count = 0;
let name: string;
let folder: string;
beforeAll(async () => {
  lab = await laboratory();
});
beforeEach(async () => {
  name = `store${count++}`;
  folder = join(lab.main, "..", name);
  await mkdir(folder);
});

const text = (content: string) => bodyOf(Buffer.from(content));
const marker = async (at = folder) => JSON.parse(await readFile(join(at, markerPath), "utf8"));
const known = async (store = name) => {
  const { rows } = await lab.db.query<{ identity: string; marked: boolean }>(
    "SELECT identity::text, marked_at IS NOT NULL AS marked FROM holdfast.store WHERE name = $1",
    [store],
  );
  return rows[0];
};

/** One store of that name, as a service that starts finds it; the driver may be changed. */
function storesAt(
  location: string,
  change: (driver: StoreDriver) => Partial<StoreDriver> = () => ({}),
  called = name,
): Stores {
  const driver = createFileDriver(location);
  const store: Store = {
    config: {
      name: called,
      protocol: "file",
      location,
      hashPrefix: "_hash",
      schemaPrefix: "_schema",
      tokenLength: 8,
      driver: {},
    },
    driver: { ...driver, ...change(driver) },
  };
  const get = () => store;
  return { all: new Map([[called, store]]), defaultName: undefined, filepathDefaultName: undefined, get };
}

async function start(
  location = folder,
  change: (driver: StoreDriver) => Partial<StoreDriver> = () => ({}),
): Promise<Objects & { driver: StoreDriver; store: Store }> {
  const objects = await createObjects({ db: lab.db, stores: storesAt(location, change) });
  await objects.close();
  const store = objects.stores.get(name);
  return { ...objects, store, driver: store.driver };
}

describe("the marker", () => {
  test("is written at start, once, with the id that the database has", async () => {
    const { storeProblems } = await start();
    expect([...storeProblems]).toEqual([]);
    const first = await readFile(join(folder, markerPath), "utf8");
    expect(await marker()).toMatchObject({
      format: "holdfast-store",
      store: (await known())?.identity,
      name,
    });
    expect(await known()).toMatchObject({ marked: true });
    await start();
    expect(await readFile(join(folder, markerPath), "utf8")).toBe(first);
  });

  test("is one of many services that start at once", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => start()));
    for (const { driver, storeProblems } of all) {
      expect([...storeProblems]).toEqual([]);
      await driver.probe();
    }
    expect((await marker()).store).toBe((await known())?.identity);
  });

  test("is finished by the next start when a service died before it told the database", async () => {
    await start();
    await lab.db.query("UPDATE holdfast.store SET marked_at = NULL WHERE name = $1", [name]);
    const { driver } = await start();
    await driver.put("a", text("x"));
    expect(await known()).toMatchObject({ marked: true });
  });

  test("comes into a store full of a peer's objects and touches none", async () => {
    await mkdir(join(folder, "_hash/lab"), { recursive: true });
    await writeFile(join(folder, "_hash/lab/abc"), "peer");
    const { driver } = await start();
    expect((await collect((await driver.get("_hash/lab/abc"))?.body ?? text(""))).toString()).toBe("peer");
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      "_hash",
      "_hash/lab",
      "_hash/lab/abc",
      "_obj",
      markerPath,
    ]);
  });
});

/** Every call of a store that is not what it should be. */
async function expectRefused(driver: StoreDriver, message: RegExp): Promise<void> {
  for (const work of [
    () => driver.put("a", text("x")),
    () => driver.get("a"),
    () => driver.head("a"),
    () => driver.copy("a", "b"),
    () => driver.delete("a"),
    () => driver.list("")[Symbol.asyncIterator]().next(),
    () => driver.probe(),
  ]) {
    const error: unknown = await work().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringMatching(message) });
  }
}

describe("a location that is another one", () => {
  test("without marker is refused by name, stays untouched, and works once the store is there", async () => {
    await start();
    await rename(folder, `${folder}.away`);
    await mkdir(folder);
    const { driver, storeProblems } = await start();
    expect(storeProblems.get(name)).toMatch(new RegExp(`${name}.*has no marker.*Mount the volume`));
    await expectRefused(driver, /has no marker/);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
    await rename(`${folder}.away`, folder);
    await driver.put("a", text("x"));
    expect(await driver.head("a")).toBeDefined();
  });

  test("with the marker of another store is refused, and told whose it is", async () => {
    await start();
    const { identity } = (await known()) ?? {};
    await mkdir(join(folder, "../other"));
    const other = await createObjects({
      db: lab.db,
      stores: storesAt(join(folder, "../other"), undefined, "other"),
    });
    await other.close();
    const { driver, store } = await start(join(folder, "../other"));
    await expectRefused(driver, /is marked as another one: the store other/);
    expect(await verifyStore(store)).toEqual([
      { name: "IDENTITY", ok: false, message: expect.stringMatching(/the store other/) },
    ]);
    expect(await codeOf(store.identity?.accept() ?? Promise.resolve())).toBe("CONFLICT");
    expect((await known())?.identity).toBe(identity);
  });

  test("is seen while the service runs: at the next miss, never as a lost object", async () => {
    let at = folder;
    const moving: (driver: StoreDriver) => Partial<StoreDriver> = () => ({
      // A bucket whose name leads elsewhere from now on.
      get: (path, options) => createFileDriver(at).get(path, options),
      head: (path, signal) => createFileDriver(at).head(path, signal),
      put: (path, body, options) => createFileDriver(at).put(path, body, options),
    });
    const { driver } = await start(folder, moving);
    await driver.put("a", text("x"));
    at = `${folder}.wrong`;
    await mkdir(at);
    // As if some time had passed since the last look.
    const { now } = performance;
    performance.now = () => now.call(performance) + 61_000;
    try {
      expect(await codeOf(driver.head("a"))).toBe("STORE_UNAVAILABLE");
      expect(await codeOf(driver.put("b", text("x")))).toBe("STORE_UNAVAILABLE");
      expect(await readdir(at)).toEqual([]);
      at = folder;
      expect(await driver.head("a")).toBeDefined();
    } finally {
      performance.now = now;
    }
  });

  test("a disk that was unmounted and is mounted again works on, by its marker", async () => {
    const { driver } = await start();
    await driver.put("a", text("x"));
    await rename(folder, `${folder}.disk`);
    await mkdir(folder);
    expect(await codeOf(driver.head("a"))).toBe("STORE_UNAVAILABLE");
    expect(await codeOf(driver.put("b", text("x")))).toBe("STORE_UNAVAILABLE");
    // The same bytes under another device and inode.
    await rm(folder, { recursive: true });
    await mkdir(folder);
    for (const entry of await readdir(`${folder}.disk`))
      await rename(join(`${folder}.disk`, entry), join(folder, entry));
    expect(await driver.head("a")).toBeDefined();
    await driver.put("b", text("x"));
  });

  test("a disk that is mounted after the start is taken as soon as it is there", async () => {
    await start();
    await rename(folder, `${folder}.disk`);
    await mkdir(folder);
    const { driver } = await start();
    expect(await codeOf(driver.head("a"))).toBe("STORE_UNAVAILABLE");
    await rm(folder, { recursive: true });
    await rename(`${folder}.disk`, folder);
    await driver.put("a", text("x"));
  });

  test("without marker and without the objects that the database has is not marked as the store", async () => {
    const { writer } = await start();
    const staged = await writer.stage(target("hash", { store: name }), Buffer.from("content"));
    await lab.db.transaction((transaction) => writer.publish(transaction, staged));
    // As a database from before there were markers.
    await lab.db.query("UPDATE holdfast.store SET marked_at = NULL WHERE name = $1", [name]);
    await rename(folder, `${folder}.away`);
    await mkdir(folder);
    const { driver } = await start();
    await expectRefused(driver, /nor the objects that the database says it has/);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
    await rename(`${folder}.away`, folder);
    await rm(join(folder, "_obj"), { recursive: true });
    await (await start()).driver.put("a", text("x"));
    expect((await marker()).store).toBe((await known())?.identity);
  });
});

describe("on purpose", () => {
  test("the marker moves with the bytes", async () => {
    const { driver } = await start();
    await driver.put("a", text("x"));
    await rename(folder, `${folder}.new`);
    const moved = await start(`${folder}.new`);
    expect([...moved.storeProblems]).toEqual([]);
    expect(await moved.driver.head("a")).toBeDefined();
  });

  test("a lost marker is written again by accept", async () => {
    await start();
    const before = await marker();
    await rm(join(folder, "_obj"), { recursive: true });
    const { driver, store } = await start();
    expect(await codeOf(driver.head("a"))).toBe("STORE_UNAVAILABLE");
    expect(await store.identity?.accept()).toContain(before.store);
    expect(await marker()).toEqual(before);
    await driver.put("a", text("x"));
  });

  test("a database that was made or restored beside an old store takes it over by accept", async () => {
    await start();
    const { store: id } = await marker();
    await lab.db.query(
      "UPDATE holdfast.store SET identity = gen_random_uuid(), marked_at = NULL WHERE name = $1",
      [name],
    );
    const { driver, store, storeProblems } = await start();
    expect(storeProblems.get(name)).toContain(`holdfast stores accept ${name}`);
    expect(await codeOf(driver.put("a", text("x")))).toBe("STORE_UNAVAILABLE");
    const another = await start();
    await store.identity?.accept();
    expect(await known()).toEqual({ identity: id, marked: true });
    // Also in services that were running.
    for (const each of [driver, another.driver]) await each.probe();
  });

  test.each(["", "{}", "no JSON", '{"format":"holdfast-store","store":"x"}', "x".repeat(100_000)])(
    "a damaged marker is told, and replaced by accept: %.20s",
    async (content) => {
      await start();
      const before = await marker();
      await writeFile(join(folder, markerPath), content);
      const { driver, store } = await start();
      await expectRefused(driver, /is no marker of a store/);
      await store.identity?.accept();
      expect(await marker()).toEqual(before);
      await driver.probe();
    },
  );
});

describe("a store that cannot be written to", () => {
  const readOnly: (driver: StoreDriver) => Partial<StoreDriver> = () => ({
    // Writing below a file fails as on a read-only disk.
    put: (path, body, options) => createFileDriver(join(folder, "a")).put(path, body, options),
  });

  test("is read without a marker, and writing tells why not", async () => {
    await writeFile(join(folder, "a"), "reference");
    const { driver, storeProblems, store } = await start(folder, readOnly);
    expect([...storeProblems]).toEqual([]);
    expect((await collect((await driver.get("a"))?.body ?? text(""))).toString()).toBe("reference");
    expect(await driver.head("b")).toBeUndefined();
    await driver.probe();
    expect(await codeOf(driver.put("b", text("x")))).toBe("STORE_UNAVAILABLE");
    expect((await verifyStore(store))[0]).toMatchObject({
      ok: true,
      message: expect.stringMatching(/only read/),
    });
    expect(await known()).toMatchObject({ marked: false });
    // Once it can be written to it is marked.
    await (await start()).driver.put("b", text("x"));
    expect(await known()).toMatchObject({ marked: true });
  });
});

test("a link in the marker's place is never followed", async () => {
  await writeFile(join(folder, "elsewhere"), "secret");
  await mkdir(join(folder, "_obj"));
  await symlink(join(folder, "elsewhere"), join(folder, markerPath));
  const { storeProblems, driver } = await start();
  expect(storeProblems.get(name)).toMatch(/is a link/);
  expect(await codeOf(driver.put("a", text("x")))).toBe("FORBIDDEN");
  expect(await readFile(join(folder, "elsewhere"), "utf8")).toBe("secret");
});

test("a caller that gives up does not wait for the look, nor end it for others", async () => {
  let answer: () => void = () => undefined;
  const waiting = new Promise<void>((done) => {
    answer = done;
  });
  let isSlow = false;
  const { driver } = await start(folder, (plain) => ({
    get: async (path, options) => {
      if (isSlow) await waiting;
      return plain.get(path, options);
    },
  }));
  const { now } = performance;
  performance.now = () => now.call(performance) + 61_000;
  try {
    isSlow = true;
    const stop = new AbortController();
    const given = driver.put("a", text("x"), { signal: stop.signal });
    const kept = driver.put("b", text("x"));
    stop.abort();
    await expect(given).rejects.toThrow(/abort/i);
    answer();
    await kept;
  } finally {
    performance.now = now;
  }
});
