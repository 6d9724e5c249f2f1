/** A database, stores and codecs for many random models, each served in turn and read by the oracle. */

import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeaderMap } from "@apollo/server";
import { buildASTSchema, parse } from "graphql";
import { Client } from "pg";
import { type ApiContext, createEntityApi } from "../../src/api/api.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { applyModel } from "../../src/db/apply.ts";
import { connect } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { Model } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { createObjects } from "../../src/object/objects.ts";
import { readStoreConfigs } from "../../src/store/config.ts";
import { openStores } from "../../src/store/open.ts";
import { hasValues, type OwnFile } from "../property/codec-values.ts";
import { Difference } from "./difference.ts";
import { type Json, jsonFrom } from "./json.ts";
import type { Request } from "./oracle/answer.ts";
import { isPosition } from "./oracle/meanings.ts";
import type { Query } from "./oracle/tables.ts";

const peers: ReadonlySet<string> = new Set(["attach", "blob", "filepath", "hash", "npy", "object"]);
const storeNames = ["main", "cold"];
const ownFiles: readonly OwnFile[] = [
  { path: "raw/a b.bin", isDirectory: false, sizeBytes: 5 },
  { path: "raw/empty", isDirectory: false, sizeBytes: 0 },
  { path: "raw", isDirectory: true, sizeBytes: 0 },
];

const anyone: ApiContext = {
  principal: { name: "anonymous", rights: new Set(["READ", "WRITE", "ADMIN"]) },
  baseUrl: "http://127.0.0.1:4000",
};

export type World = Awaited<ReturnType<typeof openWorld>>;
export type Served = Awaited<ReturnType<World["serve"]>>;

/** Makes the world on an empty database. Close it. */
export async function openWorld(url: string) {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-parity-"));
  for (const store of storeNames) {
    await mkdir(join(folder, store, "raw"), { recursive: true });
    for (const { path, isDirectory, sizeBytes } of ownFiles)
      if (!isDirectory) await writeFile(join(folder, store, path), Buffer.alloc(sizeBytes, 7));
    await utimes(join(folder, store, ownFiles[0]?.path ?? ""), 0, 1_600_000_000.25);
  }
  const stores = await openStores(await storeConfigs(folder));
  const registry = createRegistry(await loadCodecs([join(import.meta.dirname, "../../codecs")]));
  await migrate(url);
  const db = await connect(url);
  const objects = await createObjects({ db, stores });
  const client = new Client({ connectionString: url });
  await client.connect();
  const query: Query = async (sql) => (await client.query<Readonly<Record<string, string | null>>>(sql)).rows;
  const context = {
    codecs: registry.facts,
    stores: new Set(stores.all.keys()),
    defaultStore: stores.defaultName,
    filepathDefaultStore: stores.filepathDefaultName,
  };
  const logged: object[] = [];
  const log = { error: (details: object) => logged.push(details) };
  return {
    query,
    objects,
    // Those that DataJoint has; the suite gives tables fields of others.
    codecs: [...registry.facts.values()].filter((one) => hasValues(one) && peers.has(one.name)),
    storeNames,
    ownFiles: new Map(storeNames.map((store) => [store, ownFiles])),
    /** What clients were not shown. */
    logged,
    parse: (text: string): Model => parseModel([{ path: "schema.graphql", text }], context),
    /** Makes the tables of a model and serves it. Stop it. */
    async serve(model: Model) {
      await applyModel(db, model);
      const limits = { maxRows: 1e15, planningMs: 60_000 };
      const api = createEntityApi({ model, registry, db, objects, stores, limits, log });
      await api.server.start();
      const ask = async (
        { query: text, variables }: Request,
        spoil?: (answer: string) => string,
      ): Promise<Json> => {
        const { body } = await api.server.executeHTTPGraphQLRequest({
          httpGraphQLRequest: {
            method: "POST",
            headers: new HeaderMap([["content-type", "application/json"]]),
            search: "",
            body: { query: text, variables },
          },
          context: async () => anyone,
        });
        // Incremental delivery is not offered: the body is whole.
        const answered = body.kind === "complete" ? body.string : "{}";
        if (!text.startsWith("mutation")) await askAgain({ query: text, variables }, answered, spoil);
        return jsonFrom(answered);
      };
      let asked = 0;
      let known = 0;
      /** Every other query is asked once more, as over HTTP where it is a known one. @throws Difference for another answer. */
      const askAgain = async (
        { query: text, variables }: Request,
        before: string,
        spoil: (answer: string) => string = (answer) => answer,
      ): Promise<void> => {
        asked += 1;
        if (asked % 2 === 0) return;
        const headers = { "content-type": "application/json" };
        const again = await api.server.answerKnown(
          { method: "POST", headers, body: { query: text, variables } },
          () => anyone,
        );
        if (again === undefined) return;
        known += 1;
        const found = spoil(again.body.kind === "complete" ? again.body.string : "{}");
        if (lasting(found) === lasting(before)) return;
        const said = { document: text, variables: JSON.stringify(variables), first: before, again: found };
        throw new Difference({ difference: "the known query is answered otherwise", ...said });
      };
      return {
        model,
        sdl: api.sdl,
        schema: buildASTSchema(parse(api.sdl)),
        ask,
        /** Queries that were answered a second time without Apollo's pipeline, byte for byte as before. */
        knownQueries: () => known,
        async stop(): Promise<void> {
          await api.server.stop();
          const schemas = new Set(model.entities.map(({ schema }) => schema));
          for (const schema of schemas) await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
        },
      };
    },
    async close(): Promise<void> {
      await objects.close();
      await client.end();
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An answer without what the moment makes of it: signatures of URLs, positions in the changes. */
function lasting(answer: string): string {
  return answer
    .replace(/\/d\/[^/"]+\//g, "/d/…/")
    .replace(/"(WyI[\w+/]*=*)"/g, (whole, text: string) => (isPosition(text) ? '"a position"' : whole));
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
