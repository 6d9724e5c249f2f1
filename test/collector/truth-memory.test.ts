/** A check of many objects takes no more memory at its end than at its beginning. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, expect, test } from "vitest";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Truth } from "./truth-laboratory.ts";

const objects = 200_000;
const folders = 500;
const every = 20_000;

let lab: Laboratory;
let truth: Truth;
beforeAll(async () => {
  lab = await laboratory();
  truth = new Truth(lab.db, lab.objects, "main");
  for (let folder = 0; folder < folders; folder++) {
    const path = join(lab.main, `_hash/lab/${String(folder).padStart(3, "0")}`);
    await mkdir(path, { recursive: true });
    await Promise.all(
      Array.from({ length: objects / folders }, (_, at) => writeFile(join(path, `object-${at}`), "x")),
    );
  }
  // One of 20 is unknown to the database; one of 1000 has lost its bytes.
  await lab.db.query(
    `INSERT INTO holdfast.object (locator, size, sha256, verified_at)
     SELECT 'main:_hash/lab/' || lpad((n / 400)::text, 3, '0') || '/object-' || n % 400 || CASE WHEN n % 1000 = 1 THEN '-lost' ELSE '' END,
       1, sha256(n::text::bytea), now() FROM generate_series(0, $1::int - 1) n WHERE n % 20 <> 0`,
    [objects],
  );
}, 300_000);

test("of 200,000 objects and as many files", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const heaps: number[] = [];
  let listed = 0;
  const { list } = truth.driver;
  const counted = truth.seen({
    list: async function* (prefix, options) {
      for await (const head of list(prefix, options)) {
        if (prefix === "_hash/lab/" && ++listed % every === 0) {
          collectGarbage();
          heaps.push(process.memoryUsage().heapUsed / 2 ** 20);
        }
        yield head;
      }
    },
  });
  let told = 0;
  const { report } = await counted.check({ onFinding: () => void told++ });
  expect(listed).toBe(objects);
  expect(heaps).toHaveLength(objects / every);
  expect(report.doubts.filter(({ code }) => code !== "CANARY")).toEqual([]);
  expect(report.stores[0]).toMatchObject({
    objects: (objects * 19) / 20,
    // The file of each object that is lost by name is unknown.
    found: { UNKNOWN_BYTES: objects / 20 + objects / 1000, MISSING: objects / 1000 },
  });
  expect(told).toBe(objects / 20 + (2 * objects) / 1000);
  // What waits for the end of the listing: 10,200 paths. Nothing else grows.
  expect(Math.max(...heaps) - (heaps[0] ?? 0)).toBeLessThan(16);
}, 300_000);
