/** A whole write side for tests: a database, two file stores, the codecs, and a schema. */

import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FragmentDefinitionNode, getVariableValues, Kind, parse, validate } from "graphql";
import { afterAll } from "vitest";
import { defaultApiLimits } from "../../../src/api/limits.ts";
import { createReadBack } from "../../../src/api/read-back.ts";
import { buildEntitySchema } from "../../../src/api/schema.ts";
import {
  defaultWriteLimits,
  type MutationAnswer,
  type WriteContext,
  type WriteServices,
} from "../../../src/api/write/contract.ts";
import { executeMutation } from "../../../src/api/write/execute-mutation.ts";
import { createApart } from "../../../src/codec/apart.ts";
import { loadCodecs } from "../../../src/codec/load.ts";
import { createRegistry } from "../../../src/codec/registry.ts";
import { applyModel } from "../../../src/db/apply.ts";
import { connect } from "../../../src/db/database.ts";
import { migrate } from "../../../src/db/migrate.ts";
import { defaultDecodeLimits } from "../../../src/format/decode-limits.ts";
import { parseModel } from "../../../src/model/parse.ts";
import { createObjects } from "../../../src/object/objects.ts";
import { readStoreConfigs } from "../../../src/store/config.ts";
import { openStores } from "../../../src/store/open.ts";
import { freshDatabase } from "../../support/database.ts";

export type Variables = Record<string, unknown>;

/** Anyone on loopback. */
const writer: WriteContext = {
  principal: { name: "anonymous", rights: new Set(["READ", "WRITE", "ADMIN"]) },
  baseUrl: "http://127.0.0.1:4000",
};

/** Makes a world for one test file; it is taken down when the file is done. */
export async function openWorld(sdl: string) {
  const url = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-write-"));
  for (const name of ["main", "cold"]) await mkdir(join(folder, name));
  const configs = await readStoreConfigs({
    folder,
    dataFolder: folder,
    environment: {
      DJ_STORES: JSON.stringify({
        default: "main",
        filepath_default: "cold",
        main: { protocol: "file", location: join(folder, "main") },
        cold: { protocol: "file", location: join(folder, "cold") },
      }),
    },
  });
  const stores = await openStores(configs);
  const loaded = await loadCodecs([join(import.meta.dirname, "../../../codecs")]);
  // As in the service; no thread starts before there is work for one.
  const apart = createApart(defaultDecodeLimits);
  const codecs = { ...createRegistry(loaded), apart };
  const model = parseModel([{ path: "schema.graphql", text: sdl }], {
    codecs: codecs.facts,
    stores: new Set(stores.all.keys()),
    defaultStore: stores.defaultName,
    filepathDefaultStore: stores.filepathDefaultName,
  });
  await migrate(url);
  const db = await connect(url);
  const objects = await createObjects({ db, stores });
  await applyModel(db, model);
  const { schema } = buildEntitySchema(model, codecs);
  const services: WriteServices = {
    db,
    codecs,
    stores,
    objects,
    readBack: createReadBack({
      model,
      schema,
      registry: codecs,
      objects,
      urls: { origin: undefined, stores },
      limits: defaultApiLimits,
    }),
    limits: defaultWriteLimits,
  };
  afterAll(async () => {
    await apart.close();
    await objects.close();
    await db.close();
    await rm(folder, { recursive: true, force: true });
  });
  const run = (
    text: string,
    variables: Variables = {},
    how: { context?: WriteContext; services?: Partial<WriteServices> } = {},
  ) =>
    runText(
      { schema, model, services: { ...services, ...how.services }, context: how.context ?? writer },
      text,
      variables,
    );
  return {
    url,
    db,
    model,
    schema,
    services,
    folder,
    run,
    /** Runs a mutation that must succeed, and answers its data. */
    data: async (text: string, variables: Variables = {}) => {
      const answer = await run(text, variables);
      if (answer.errors.length > 0)
        throw new Error(
          answer.errors.map((error) => `${error.message} ${JSON.stringify(error.extensions)}`).join("\n"),
          { cause: answer.errors[0]?.originalError },
        );
      return JSON.parse(JSON.stringify(answer.data));
    },
    /** Runs a mutation that must fail, and answers its one error. */
    fault: async (text: string, variables: Variables = {}) => {
      const answer = await run(text, variables);
      const [error] = answer.errors;
      if (error === undefined) throw new Error(`No error: ${JSON.stringify(answer.data)}`);
      return { ...error.toJSON(), data: answer.data, extensions: error.extensions };
    },
    rows: async (table: string) =>
      (
        await db.query<{ row: string }>(
          `SELECT to_jsonb(t)::text AS row FROM ${table} t ORDER BY to_jsonb(t)::text`,
        )
      ).rows.map(({ row }) => JSON.parse(row)),
    /** Everything that a failed write could leave behind. */
    traces: async () => ({
      rows: await rowCounts(db, model),
      files: await files(folder),
      ...(await protocol(db)),
    }),
  };
}

type Runner = Pick<Parameters<typeof executeMutation>[1], "schema" | "model" | "context"> & {
  readonly services: WriteServices;
};

async function runText(runner: Runner, text: string, variables: Variables): Promise<MutationAnswer> {
  const { schema, model, context, services } = runner;
  const document = parse(text);
  const faults = validate(schema, document);
  if (faults.length > 0) return { data: null, errors: faults };
  const operation = document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
  if (operation === undefined) throw new Error("No operation.");
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const one of document.definitions)
    if (one.kind === Kind.FRAGMENT_DEFINITION) fragments[one.name.value] = one;
  const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  if (coerced === undefined) return { data: null, errors: errors ?? [] };
  return executeMutation(services, { schema, model, operation, fragments, variables: coerced, context });
}

async function rowCounts(
  db: WriteServices["db"],
  model: WriteServices extends never ? never : Runner["model"],
) {
  const counts: Record<string, string> = {};
  for (const { schema, table } of model.entities) {
    const { rows } = await db.query<{ count: string }>(
      `SELECT count(*) AS count FROM "${schema}"."${table}"`,
    );
    counts[table] = rows[0]?.count ?? "";
  }
  return counts;
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function protocol(db: WriteServices["db"]) {
  const count = async (table: string) =>
    (await db.query<{ count: string }>(`SELECT count(*) AS count FROM holdfast.${table}`)).rows[0]?.count;
  return { objects: await count("object"), uploads: await count("upload") };
}
