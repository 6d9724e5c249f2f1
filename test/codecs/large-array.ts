/** A .npy file of 1 GB with hardly a byte of it on the disk, in a file store whose readings are counted. */

import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { StoredValue } from "../../src/codec/contract.ts";
import { parseDtype } from "../../src/format/dtype.ts";
import { writeNpyHeader } from "../../src/format/npy.ts";
import { createReader } from "../../src/object/reader.ts";
import type { Stores } from "../../src/store/contract.ts";
import { openStores } from "../../src/store/open.ts";

export const rowBytes = 8000;
const shape = [125_000, 1000];

export interface CountedArray {
  readonly value: StoredValue;
  /** The same, of whose size the row tells nothing, as DataJoint writes it. */
  readonly unsized: StoredValue;
  /** Ranges asked of the store, half open. */
  readonly ranges: { readonly start: number; readonly end: number }[];
}

/** Zeros, but for `elements`: flat index → number. */
export async function largeArray(elements: Readonly<Record<number, number>>): Promise<CountedArray> {
  const location = await mkdtemp(join(tmpdir(), "holdfast-large-"));
  afterAll(() => rm(location, { recursive: true, force: true }));
  const header = writeNpyHeader({ dtype: parseDtype("float64"), shape, fortranOrder: false });
  await mkdir(join(location, "data"));
  const file = await open(join(location, "data", "large.npy"), "w");
  await file.write(header);
  await file.truncate(header.length + 1_000_000_000);
  for (const [at, number] of Object.entries(elements)) {
    await file.write(new Uint8Array(Float64Array.of(number).buffer), 0, 8, header.length + Number(at) * 8);
  }
  await file.close();
  const ranges: CountedArray["ranges"] = [];
  const stores = counted(await oneStore(location), ranges);
  const sizeBytes = header.length + 1_000_000_000;
  const place = { store: "main", path: "data/large.npy" };
  const reader = createReader(stores);
  return { value: reader.open({ ...place, sizeBytes }), unsized: reader.open(place), ranges };
}

function oneStore(location: string): Promise<Stores> {
  const names = { hashPrefix: "_hash", schemaPrefix: "_schema", tokenLength: 8 };
  const store = { ...names, protocol: "file", name: "main", location, driver: {} };
  return openStores({ stores: [store], defaultName: "main", filepathDefaultName: undefined, source: "test" });
}

function counted(stores: Stores, ranges: CountedArray["ranges"]): Stores {
  return {
    ...stores,
    get(name) {
      const store = stores.get(name);
      const driver = Object.create(store.driver, {
        get: {
          value: (...args: Parameters<typeof store.driver.get>) => {
            const range = args[1]?.range;
            ranges.push({ start: range?.start ?? 0, end: range?.end ?? Number.POSITIVE_INFINITY });
            return store.driver.get(...args);
          },
        },
      });
      return { ...store, driver };
    },
  };
}
