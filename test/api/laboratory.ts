/** A whole entity API for tests: database, file stores, codecs, a schema, and a count of the statements that it runs. */

import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll } from "vitest";
import { type ApiContext, createEntityApi } from "../../src/api/api.ts";
import type { ApiLimits } from "../../src/api/limits.ts";
import { createApart } from "../../src/codec/apart.ts";
import type { Apart } from "../../src/codec/apart-contract.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { applyModel } from "../../src/db/apply.ts";
import type { Database } from "../../src/db/contract.ts";
import { connect } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { LoadedExtension } from "../../src/extend/load.ts";
import { defaultDecodeLimits } from "../../src/format/decode-limits.ts";
import { parseModel } from "../../src/model/parse.ts";
import { createObjects } from "../../src/object/objects.ts";
import { readStoreConfigs } from "../../src/store/config.ts";
import { openStores } from "../../src/store/open.ts";
import { freshDatabase } from "../support/database.ts";

/** The data of an answer; tests say by what they read which shape they expect. */
// biome-ignore lint/suspicious/noExplicitAny: every test has its own shape
export type Answer = any;

/** Anyone on loopback. */
export const anyone: ApiContext = {
  principal: { name: "anonymous", rights: new Set(["READ", "WRITE", "ADMIN"]) },
  baseUrl: "http://127.0.0.1:4000",
};

/** Codecs as shipped. */
export async function shippedRegistry() {
  return createRegistry(await loadCodecs([join(import.meta.dirname, "../../codecs")]));
}

/** What somebody else left in the database and the stores before Holdfast came. */
export interface Inheritance {
  /** SQL, run on the empty database. */
  readonly dump: string;
  /** Folder with a folder for each store. */
  readonly store: string;
  /** Settings of the stores beside protocol and location. */
  readonly settings: Readonly<Record<string, object>>;
}

/** Makes a laboratory for one test file; it is taken down when the file is done. */
export async function openLaboratory(
  sdl: string,
  limits: Partial<ApiLimits> = {},
  inherited?: Inheritance,
  extension?: LoadedExtension,
) {
  const url = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-read-"));
  for (const name of ["main", "cold"]) await mkdir(join(folder, name));
  if (inherited !== undefined) await inherit(url, folder, inherited);
  const stores = await openStores(await storeConfigs(folder, inherited?.settings));
  // As in the service: no thread starts before there is work for one.
  const threads = createApart(defaultDecodeLimits);
  const fromThreads: unknown[] = [];
  const apart: Apart = {
    ...threads,
    run: async (question) => {
      const answer = await threads.run(question);
      fromThreads.push(answer);
      return answer;
    },
  };
  const registry = { ...(await shippedRegistry()), apart };
  const model = parseModel([{ path: "schema.graphql", text: sdl }], {
    codecs: registry.facts,
    stores: new Set(stores.all.keys()),
    defaultStore: stores.defaultName,
    filepathDefaultStore: stores.filepathDefaultName,
  });
  await migrate(url);
  const db = await connect(url);
  const objects = await createObjects({ db, stores });
  await applyModel(db, model);
  const statements: string[] = [];
  const calls: { readonly text: string; readonly values: readonly unknown[] }[] = [];
  const counted: Database = {
    ...db,
    query: (text, values, options) => {
      statements.push(text);
      calls.push({ text, values: values ?? [] });
      return db.query(text, values, options);
    },
    transaction: (work, options) =>
      db.transaction((transaction) => {
        const query: typeof transaction.query = (text, values, how) => {
          statements.push(text);
          return transaction.query(text, values, how);
        };
        return work({ ...transaction, query });
      }, options),
    close: () => db.close(),
  };
  const logged: object[] = [];
  const log = { error: (details: object) => logged.push(details) };
  const api = createEntityApi({ model, registry, db: counted, objects, stores, limits, extension, log });
  await api.server.start();
  afterAll(async () => {
    await api.server.stop();
    await threads.close();
    await objects.close();
    await db.close();
    await rm(folder, { recursive: true, force: true });
  });
  const ask = (query: string, variables: Record<string, unknown> = {}) =>
    api.execute({ query, variables }, anyone);
  return {
    ...api,
    db,
    model,
    registry,
    folder,
    objects,
    stores,
    /** Texts of the statements since the list was last emptied. */
    statements,
    /** The same with their values. */
    calls,
    /** What worker threads have answered. */
    fromThreads,
    /** What clients were not shown. */
    logged,
    ask,
    /** Asks what must succeed. */
    data: async (query: string, variables: Record<string, unknown> = {}) => {
      const answer = await ask(query, variables);
      if (answer.errors !== undefined) {
        throw new Error(
          `${JSON.stringify(answer.errors)} ${logged.map((one) => JSON.stringify(one, errorText)).join()}`,
        );
      }
      return answer.data as Answer;
    },
    /** Asks what must fail, and answers its first error. */
    fault: async (query: string, variables: Record<string, unknown> = {}) => {
      const answer = await ask(query, variables);
      const [error] = answer.errors ?? [];
      if (error === undefined) throw new Error(`No error: ${JSON.stringify(answer.data)}`);
      return { ...error, code: error.extensions?.["code"], data: answer.data };
    },
  };
}

function errorText(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.stack} ${value.cause}` : value;
}

async function inherit(url: string, folder: string, { dump, store }: Inheritance): Promise<void> {
  await cp(store, folder, { recursive: true });
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(dump);
  await client.end();
}

function storeConfigs(folder: string, settings: Inheritance["settings"] = {}) {
  const stores = {
    default: "main",
    filepath_default: "cold",
    main: { protocol: "file", location: join(folder, "main"), ...settings["main"] },
    cold: { protocol: "file", location: join(folder, "cold"), ...settings["cold"] },
  };
  return readStoreConfigs({ folder, dataFolder: folder, environment: { DJ_STORES: JSON.stringify(stores) } });
}
