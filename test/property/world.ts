/** One database and two file stores for many models, each with an entity API of its own. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createEntityApi } from "../../src/api/api.ts";
import { connect } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { Model } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { createObjects } from "../../src/object/objects.ts";
import { readStoreConfigs } from "../../src/store/config.ts";
import { openStores } from "../../src/store/open.ts";
import { anyone, shippedRegistry } from "../api/laboratory.ts";
import { freshDatabase } from "../support/database.ts";
import { hasValues, type OwnFile } from "./codec-values.ts";
import { Tally } from "./tally.ts";

export type World = Awaited<ReturnType<typeof openWorld>>;
export type Service = Awaited<ReturnType<World["serve"]>>;

const storeNames = ["main", "cold"];

/** Files of the user's own, in every store. */
const ownFiles: readonly OwnFile[] = [
  { path: "raw/a b.bin", isDirectory: false, sizeBytes: 5 },
  { path: "raw/empty", isDirectory: false, sizeBytes: 0 },
  { path: "raw", isDirectory: true, sizeBytes: 0 },
];

/** Makes the world; it is taken down when the test file is done. */
export async function openWorld() {
  const url = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-property-"));
  for (const store of storeNames) await writeOwnFiles(join(folder, store));
  const stores = await openStores(await storeConfigs(folder));
  const registry = await shippedRegistry();
  await migrate(url);
  const db = await connect(url);
  const objects = await createObjects({ db, stores });
  afterAll(async () => {
    await objects.close();
    await db.close();
    await rm(folder, { recursive: true, force: true });
  });
  const context = {
    codecs: registry.facts,
    stores: new Set(stores.all.keys()),
    defaultStore: stores.defaultName,
    filepathDefaultStore: stores.filepathDefaultName,
  };
  const logged: object[] = [];
  const log = { error: (details: object) => logged.push(details) };
  return {
    tally: new Tally(),
    db,
    folder,
    objects,
    codecs: [...registry.facts.values()].filter(hasValues),
    storeNames,
    ownFiles: new Map(storeNames.map((store) => [store, ownFiles])),
    parse: (text: string): Model => parseModel([{ path: "schema.graphql", text }], context),
    /** Every file that the service keeps for the model's tables. */
    files: async (model: Model): Promise<string[]> => {
      const schemas = new Set(model.entities.map(({ schema }) => schema));
      const sections = storeNames.flatMap((store) =>
        ["_hash", "_schema"].flatMap((section) => [...schemas].map((schema) => join(store, section, schema))),
      );
      return (await Promise.all(sections.map((section) => filesBelow(folder, section)))).flat();
    },
    /** The entity API of a model whose tables are there. */
    async serve(model: Model) {
      const api = createEntityApi({ model, registry, db, objects, stores, log });
      await api.server.start();
      const ask = (query: string, variables: Record<string, unknown> = {}) =>
        api.execute({ query, variables }, anyone);
      return {
        model,
        sdl: api.sdl,
        ask,
        /** Asks what must succeed. */
        async data(query: string, variables: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
          const answer = await ask(query, variables);
          if (answer.errors === undefined) return answer.data ?? {};
          const hidden = JSON.stringify(logged.splice(0), (_, value) =>
            value instanceof Error ? `${value.stack} ${value.cause}` : value,
          );
          const sent = JSON.stringify(variables).slice(0, 2000);
          throw new Error(`${JSON.stringify(answer.errors).slice(0, 3000)}\n${hidden}\n${query}\n${sent}`);
        },
        stop: () => api.server.stop(),
      };
    },
  };
}

async function filesBelow(folder: string, section: string): Promise<string[]> {
  const path = join(folder, section);
  if (!existsSync(path)) return [];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

async function writeOwnFiles(store: string): Promise<void> {
  await mkdir(join(store, "raw"), { recursive: true });
  for (const { path, isDirectory, sizeBytes } of ownFiles)
    if (!isDirectory) await writeFile(join(store, path), Buffer.alloc(sizeBytes, 7));
}

function storeConfigs(folder: string) {
  const stores = {
    default: "main",
    filepath_default: "cold",
    ...Object.fromEntries(
      storeNames.map((name) => [name, { protocol: "file", location: join(folder, name) }]),
    ),
  };
  return readStoreConfigs({ folder, dataFolder: folder, environment: { DJ_STORES: JSON.stringify(stores) } });
}
