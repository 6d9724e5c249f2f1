/** A world for a test file, on the run's PostgreSQL and a file store in a temporary folder. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { freshDatabase } from "../../support/database.ts";
import {
  catalogProblems,
  contentOf,
  guardProblems,
  rowsOf,
  storeProblems,
  verifiedProblems,
} from "./invariants.ts";
import { World } from "./world.ts";

export interface FileWorld {
  readonly world: World;
  readonly url: string;
  readonly stores: Readonly<Record<string, unknown>>;
}

export async function fileWorld(): Promise<FileWorld> {
  const url = await freshDatabase();
  const base = await mkdtemp(join(tmpdir(), "holdfast-proof-"));
  const location = join(base, "main");
  await mkdir(location);
  const stores = { default: "main", main: { protocol: "file", location } };
  const world = await World.make(url, stores);
  afterAll(async () => {
    await world.close();
    await rm(base, { recursive: true, force: true });
  });
  return { world, url, stores };
}

/** Every row finds its bytes, and no rule of the protocol was broken on the way. */
export async function expectSound(world: World): Promise<void> {
  expect(await catalogProblems(world)).toEqual([]);
  expect(await guardProblems(world)).toEqual([]);
  expect(await verifiedProblems(world)).toEqual([]);
  expect(await storeProblems(world)).toEqual([]);
  for (const row of await rowsOf(world)) {
    expect(await contentOf(world, row.locator), `bytes of ${JSON.stringify(row)}`).toBeDefined();
  }
}
