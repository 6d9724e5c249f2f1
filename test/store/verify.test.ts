import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Store, StoreDriver } from "../../src/store/contract.ts";
import { createFileDriver } from "../../src/store/file.ts";
import { verifyStore } from "../../src/store/verify.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-verify-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function store(change: (driver: StoreDriver) => Partial<StoreDriver> = () => ({})): Store {
  const driver = createFileDriver(folder);
  const config = { name: "a", protocol: "file", location: folder, tokenLength: 8, driver: {} };
  return {
    config: { ...config, hashPrefix: "_hash", schemaPrefix: "_schema" },
    driver: { ...driver, ...change(driver) },
  };
}

const files = async () =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

async function problems(tried: Store): Promise<string[]> {
  const findings = await verifyStore(tried);
  return findings.filter(({ ok }) => !ok).map(({ name, message }) => `${name}: ${message}`);
}

test("a file store does all, and nothing is left", async () => {
  const findings = await verifyStore(store());
  expect(findings.map(({ name, ok }) => [name, ok])).toEqual(
    [
      "IDENTITY",
      "LIST",
      "PUT",
      "GET",
      "RANGE",
      "CASE",
      "CLOCK",
      "CONDITIONAL",
      "COPY",
      "TAG",
      "MULTIPART",
      "DEADLINE",
      "DELETE",
    ].map((name) => [name, true]),
  );
  expect(findings.find(({ name }) => name === "CONDITIONAL")?.message).toMatch(/^atomic/);
  expect(await files()).toEqual([]);
});

test("a store that is away is told in two lines", async () => {
  await rm(folder, { recursive: true });
  expect(await problems(store())).toEqual([
    expect.stringMatching(/^IDENTITY: .* is missing/),
    expect.stringMatching(/^LIST: .* is missing/),
  ]);
});

// Each a driver that does one thing wrong, on real files.
test.each<[string, RegExp, (driver: StoreDriver) => Partial<StoreDriver>]>([
  [
    "folds capital letters",
    /^CASE: /,
    (driver) => ({ head: (path) => driver.head(path.replace("OBJECT", "object")) }),
  ],
  [
    "has a wrong clock",
    /^CLOCK: Its clock is 3\d\d\d s off/,
    (driver) => ({
      head: async (path) => {
        const head = await driver.head(path);
        return head && { ...head, modifiedAt: new Date(head.modifiedAt.getTime() + 3_600_000) };
      },
    }),
  ],
  [
    "overwrites",
    /^CONDITIONAL: A key that has bytes is overwritten/,
    (driver) => ({
      put: async (path, body, options) => {
        await driver.delete(path);
        return driver
          .put(path, body, options)
          .catch(async () => ({ ...(await driver.head(path)), path }) as never);
      },
    }),
  ],
  ["takes ranges for the whole", /^RANGE: /, (driver) => ({ get: (path) => driver.get(path) })],
  ["obeys late deletions", /^DEADLINE: /, () => ({ refusesLate: async () => false })],
  ["keeps what is deleted", /^DELETE: .* is still there/, () => ({ delete: async () => undefined })],
  ["lists nothing", /^PUT: .*not listed/, () => ({ async *list() {} })],
])("a store that %s is found out", async (_, problem, change) => {
  expect(await problems(store(change))).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
});
