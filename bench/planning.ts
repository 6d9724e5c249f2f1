/**
 * What planning costs and how that grows with the model: a table of 256 columns under a filter of 16 alternatives, and the same requests to
 * models of 5 and of 500 entities, one after the other in one process on one database. Limits stand beside each figure; beyond one, exit 1.
 * `node bench/planning.ts [repeats]`
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "graphql";
import { type ApiContext, createEntityApi, type EntityApi } from "../src/api/api.ts";
import { codecSql } from "../src/api/codec-sql.ts";
import { defaultApiLimits } from "../src/api/limits.ts";
import { PlanCache } from "../src/api/plan-cache.ts";
import { resolveArguments } from "../src/api/resolve-arguments.ts";
import { buildEntitySchema } from "../src/api/schema.ts";
import { loadCodecs } from "../src/codec/load.ts";
import { createRegistry } from "../src/codec/registry.ts";
import { applyModel } from "../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import type { Model } from "../src/model/model.ts";
import { parseModel } from "../src/model/parse.ts";
import { createObjects } from "../src/object/objects.ts";
import { compileSelect } from "../src/sql/select.ts";
import { readStoreConfigs } from "../src/store/config.ts";
import { openStores } from "../src/store/open.ts";

const repeats = Number(process.argv[2] ?? 15);
const folder = mkdtempSync(join(tmpdir(), "holdfast-planning-"));
const environment = {
  DJ_STORES: JSON.stringify({ default: "main", main: { protocol: "file", location: folder } }),
};
const storeConfigs = await readStoreConfigs({ folder, dataFolder: folder, environment });
const stores = await openStores(storeConfigs);
const registry = createRegistry(await loadCodecs([join(import.meta.dirname, "../codecs")]));
const anyone: ApiContext = {
  principal: { name: "bench", rights: new Set(["READ", "WRITE", "ADMIN"]) },
  baseUrl: "http://127.0.0.1",
};
const log = { error: (details: object) => process.stderr.write(`${JSON.stringify(details)}\n`) };

function modelOf(text: string): Model {
  return parseModel([{ path: "schema.graphql", text }], {
    codecs: registry.facts,
    stores: new Set(["main"]),
    defaultStore: "main",
    filepathDefaultStore: "main",
  });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(run: () => unknown): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** Processor time of this thread: what else the machine does is not the planner's. */
function cpuTimed(run: () => unknown): number {
  const begin = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(begin);
  return (user + system) / 1000;
}

function report(name: string, value: number, unit: string, limit: number): void {
  const fits = value <= limit;
  process.stdout.write(
    `${name.padEnd(58)} ${value.toFixed(2)} ${unit}, limit ${limit} ${unit}${fits ? "" : "  BEYOND"}\n`,
  );
  if (!fits) process.exitCode = 1;
}

/** Document → plan → SQL, nothing cached; the first run, which nobody has warmed, and the median. */
function wide(): void {
  const columns = Array.from(
    { length: 256 },
    (_, n) => `c${n}: ${["Int", "String", "Float", "DateTime"][n % 4]}`,
  );
  const model = modelOf(`type Wide @table { wideId: Int! @key ${columns.join(" ")} }`);
  const { schema } = buildEntitySchema(model, registry);
  const fields = columns.map((column) => column.split(":")[0]).join(" ");
  const alternatives = Array.from(
    { length: 16 },
    (_, n) => `{c${n * 4}: {gte: ${n}}, c${n * 4 + 1}: {contains: "x"}}`,
  );
  const text = `{ wides(first: 50, where: {or: [${alternatives.join(" ")}]}, orderBy: [{c0: ASC}]) { nodes { id ${fields} } } }`;
  const document = parse(text);
  const [operation] = document.definitions;
  if (operation?.kind !== "OperationDefinition") throw new Error("no operation");
  const plan = () => {
    const cache = new PlanCache({ schema, model, limits: defaultApiLimits });
    const cached = cache.get({ document, documentKey: text, operation, variables: {} });
    const resolved = resolveArguments(cached.plan.places, {}, { model, limits: defaultApiLimits });
    return compileSelect(cached.plan, { model, codecs: codecSql(registry), resolved, rules: undefined });
  };
  report("planning 256 columns, or of 16, first time", cpuTimed(plan), "ms CPU", 20);
  const times: number[] = [];
  for (let n = 0; n < repeats * 3; n++) times.push(cpuTimed(plan));
  report("planning 256 columns, or of 16, median", median(times), "ms CPU", 20);
}

/** Entities of ten columns, each a child of the one before and of the first. */
function chain(length: number, schema: string): string {
  const entity = (n: number) => `type E${n} @table {
    key${n}: Int! @key  name: String  a: Int  b: Int  c: Float  d: String  e: DateTime  f: Boolean
    ${n === 0 ? "" : `before: E${n - 1} @reference(columns: ["before_key"])  root: E0 @reference(columns: ["root_key"]) @reverse(name: "all${n}")`}
  }`;
  return `extend schema @database(schema: "${schema}")\n${Array.from({ length }, (_, n) => entity(n)).join("\n")}`;
}

async function boot(
  db: PostgresDatabase,
  length: number,
): Promise<{ readonly api: EntityApi; readonly times: number[] }> {
  const times: number[] = [];
  let api: EntityApi | undefined;
  // The first makes the tables; the second is what a restart costs.
  for (let round = 0; round < 2; round++) {
    await api?.server.stop();
    const begin = performance.now();
    const model = modelOf(chain(length, `chain${length}`));
    await applyModel(db, model);
    const objects = await createObjects({ db, stores });
    api = createEntityApi({ model, registry, db, objects, stores, log });
    await api.server.start();
    times.push((performance.now() - begin) / 1000);
  }
  if (api === undefined) throw new Error("not started");
  return { api, times };
}

const requests = {
  row: "{ e3(key3: 1) { id name a b c before { name } } }",
  page: '{ e3s(first: 10, where: {name: {eq: "x"}}) { nodes { id name a b root { name } } } }',
  node: `{ node(id: "${Buffer.from('["E3","1"]').toString("base64")}") { id ... on E3 { name a b } } }`,
} as const;

async function cost(api: EntityApi, query: string): Promise<number> {
  const { errors } = await api.execute({ query }, anyone);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  const begin = performance.now();
  for (let n = 0; n < 20; n++) await api.execute({ query }, anyone);
  return (performance.now() - begin) / 20;
}

async function growth(db: PostgresDatabase): Promise<void> {
  const small = await boot(db, 5);
  const large = await boot(db, 500);
  report("a model of 500 entities starts, tables made", large.times[0] ?? Number.NaN, "s", 5);
  report("a model of 500 entities starts again", large.times[1] ?? Number.NaN, "s", 5);
  for (const [name, query] of Object.entries(requests)) {
    const first = [
      await timed(() => small.api.execute({ query }, anyone)),
      await timed(() => large.api.execute({ query }, anyone)),
    ];
    process.stdout.write(
      `first request, ${name}: ${first.map((time) => time.toFixed(2)).join(" ms of 5 entities, ")} ms of 500\n`,
    );
    const ratios: number[] = [];
    for (let n = 0; n < repeats * 5; n++)
      ratios.push((await cost(large.api, query)) / (await cost(small.api, query)));
    report(`request to 500 entities over the same to 5, ${name}`, median(ratios), "times", 1.25);
  }
  await small.api.server.stop();
  await large.api.server.stop();
}

const postgres = await startEmbedded({ folder: join(folder, "postgres"), settings: ["fsync=off"] });
const db = await connect(postgres.url);
try {
  wide();
  await migrate(db);
  await growth(db);
} finally {
  await db.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
