/**
 * What the API's clients feel of the collector: p99 of reads and writes with nobody collecting and while another process collects a store full of
 * garbage as fast as it can. `npm run bench:collect-beside [-- --rounds 5] [-- --seconds 20] [-- --garbage 50000] [-- --share 1] [-- --quick]`; a whole run
 * writes `collect-beside/figures.json` and the table of `docs/reference/performance.md`. Needs `npm run build` before.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { graphql, type RunningService, startHoldfast } from "../test/acceptance/support/process.ts";
import { garbageLeft, makeGarbage } from "./collect-beside/garbage.ts";
import { watchLocks } from "./collect-beside/lock-watch.ts";
import { closeAgent, type Kind, paced } from "./collect-beside/paced.ts";
import { type Figures, linesOf, type Round, sums, table, write } from "./collect-beside/report.ts";
import { cpuMicroseconds, familyMicroseconds } from "./speed/process-facts.ts";

const { values: asked } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    garbage: { type: "string" },
    share: { type: "string" },
  },
});
const rounds = Number(asked.rounds ?? (asked.quick ? 1 : 5));
const seconds = Number(asked.seconds ?? (asked.quick ? 5 : 20));
const garbage = Number(asked.garbage ?? (asked.quick ? 2000 : 50_000));
/** Of the requests: fewer on a machine that is busy with other things, whose queues would be all that is measured. */
const share = Number(asked.share ?? 1);
const rowCount = 2000;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Bench {
  readonly service: RunningService;
  readonly collector: RunningService;
  readonly db: Client;
  readonly location: string;
}

async function askSystem<Data>(url: string, query: string, variables: object = {}): Promise<Data> {
  const response = await fetch(`${url}/system/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
  return data;
}

let nextId = rowCount;
const someId = (): number => 1 + Math.floor(Math.random() * rowCount);
const create = "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { itemId } } }";

/** What a laboratory sends all day; every stored value is new, so that none is found to be there. */
const kinds: readonly Kind[] = [
  {
    name: "row by key",
    perSecond: 40 * share,
    body: () => ({
      query: "query ($id: Int!) { item(itemId: $id) { itemId title array { shape } } }",
      variables: { id: someId() },
    }),
  },
  {
    name: "list of 20",
    perSecond: 25 * share,
    body: () => ({
      query:
        "query ($id: Int!) { items(where: { itemId: { gt: $id } }, first: 20) { nodes { itemId title } } }",
      variables: { id: someId() },
    }),
  },
  {
    name: "create, small array at a key of its own",
    perSecond: 25 * share,
    body: () => {
      const itemId = ++nextId;
      const array = { values: { dtype: "float32", shape: [16], data: new Array<number>(16).fill(itemId) } };
      return { query: create, variables: { input: { itemId, title: "new", array } } };
    },
  },
  {
    name: "create, blob at a key of its digest",
    perSecond: 25 * share,
    body: () => {
      const itemId = ++nextId;
      const blob = { json: { number: itemId, text: "a small value" } };
      return { query: create, variables: { input: { itemId, title: "new", blob } } };
    },
  },
];

async function fillRows({ service }: Bench): Promise<void> {
  const row = (itemId: number) => ({ itemId, title: `item ${itemId}`, blob: { json: { itemId } } });
  const mutation = "mutation ($rows: [CreateItemInput!]!) { createItems(rows: $rows) { count } }";
  for (let first = 1; first <= rowCount; first += 500) {
    const rows = Array.from({ length: 500 }, (_, n) => row(first + n));
    const { errors } = await graphql(service.url, mutation, { rows });
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
  }
}

interface RunRow {
  readonly id: string;
  readonly state: string;
  readonly doubts: readonly { readonly message: string }[];
  readonly collected: readonly { readonly counts: Record<string, number> }[] | null;
}
const runFields = "id state doubts { message } collected { counts { release condemn kill hide purge } }";

/** Collects without end until it is told to stop; answers what it has done. */
function collecting({ collector }: Bench): { stop(): Promise<Record<string, number>> } {
  const state = { isOver: false };
  const total: Record<string, number>[] = [];
  const begin = `mutation { run: collect(input: {apply: true, confirm: true, wait: false}) { ${runFields} } }`;
  const look = `query ($id: ID!) { run: collectorRun(id: $id) { ${runFields} } }`;
  const done = (async () => {
    while (!state.isOver) {
      let { run } = await askSystem<{ run: RunRow }>(collector.url, begin);
      let isTold = false;
      while (run.state === "RUNNING") {
        await delay(100);
        if (state.isOver && !isTold) {
          isTold = true;
          await askSystem(collector.url, "mutation ($id: ID!) { stopCollectorRun(id: $id) { id } }", run);
        }
        ({ run } = await askSystem<{ run: RunRow }>(collector.url, look, { id: run.id }));
      }
      if (run.doubts.length > 0) throw new Error(run.doubts.map(({ message }) => message).join("\n"));
      total.push(...(run.collected ?? []).map(({ counts }) => counts));
    }
  })();
  done.catch(() => undefined);
  return {
    stop: async () => {
      state.isOver = true;
      await done;
      return sums(total);
    },
  };
}

/** What making garbage leaves to do, for the disk and for the database, is none of the collector's. */
async function settle({ db, service }: Bench): Promise<void> {
  await db.query("VACUUM (ANALYZE)");
  await db.query("CHECKPOINT");
  spawnSync("sync");
  await paced(service.url, kinds, 3000);
}

async function oneRound(bench: Bench, round: number): Promise<Round> {
  const left = await garbageLeft(bench.db);
  await makeGarbage(bench.db, bench.location, garbage - left);
  await settle(bench);
  const measure = async () => Object.fromEntries(await paced(bench.service.url, kinds, seconds * 1000));
  const withCollector = async () => {
    const run = collecting(bench);
    const pids = { api: bench.service.child.pid ?? 0, collector: bench.collector.child.pid ?? 0 };
    const usage = () => [
      cpuMicroseconds(pids.api),
      cpuMicroseconds(pids.collector),
      familyMicroseconds(pids.api),
    ];
    const before = usage();
    const begin = performance.now();
    const latencies = await measure();
    const elapsed = (performance.now() - begin) * 1000;
    const [api = 0, collector = 0, family = 0] = usage().map(
      (value, at) => (value - (before[at] ?? 0)) / elapsed,
    );
    return { latencies, cores: { API: api, collector, PostgreSQL: family - api }, steps: await run.stop() };
  };
  // In turn first and second: what runs second finds other caches.
  const first = round % 2 === 0 ? await measure() : undefined;
  const busy = await withCollector();
  const idle = first ?? (await measure());
  return { idle, collecting: busy.latencies, steps: busy.steps, cores: busy.cores };
}

async function run(bench: Bench, databaseUrl: string): Promise<Figures> {
  await fillRows(bench);
  await bench.db.query("UPDATE holdfast.store SET gc = 'on', grace = '0', keep = '0', drain = '1 s'");
  await paced(bench.service.url, kinds, 3000);
  const locks = await watchLocks(databaseUrl);
  const found: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await oneRound(bench, round);
    found.push(one);
    const ratios = linesOf([one]).map(({ kind, ratio }) => `${kind} ${ratio.toFixed(2)}`);
    say(
      `round ${round + 1} of ${rounds}: ${ratios.join(", ")}; ${JSON.stringify(one.steps)} ${JSON.stringify(one.cores)}`,
    );
  }
  const { longestMs, statement } = await locks.close();
  const cores = sums(found.map((one) => one.cores));
  return {
    date: new Date().toISOString().slice(0, 10),
    rounds,
    seconds,
    garbage,
    perSecond: kinds.reduce((sum, { perSecond }) => sum + perSecond, 0),
    cores: availableParallelism(),
    load: Math.round(loadavg()[0] ?? 0),
    lines: linesOf(found),
    steps: sums(found.map(({ steps }) => steps)),
    used: Object.fromEntries(Object.entries(cores).map(([name, share]) => [name, share / rounds])),
    longestLockMs: longestMs,
    longestLock: statement,
  };
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-collect-beside-"));
const closing: (() => Promise<unknown>)[] = [];
try {
  const location = join(folder, "main");
  mkdirSync(location);
  const env = {
    DJ_STORES: JSON.stringify({ default: "main", main: { protocol: "file", location } }),
    HOLDFAST_JOBS: "off",
    LOG_LEVEL: "warn",
    NODE_ENV: "production",
  };
  const start = (data: string, more: Readonly<Record<string, string>> = {}) => {
    const args = ["--schema", join(import.meta.dirname, "collect-beside/schema.graphql")];
    args.push("--data", join(folder, data), "--port", "0", "--no-sample", "--no-watch");
    return startHoldfast(args, { cwd: folder, env: { ...env, ...more } });
  };
  const service = await start("data");
  closing.push(() => service.end("SIGTERM"));
  const { databaseUrl } = JSON.parse(readFileSync(join(folder, "data/server.json"), "utf8")) as {
    databaseUrl: string;
  };
  const collector = await start("other", { DATABASE_URL: databaseUrl });
  closing.push(() => collector.end("SIGTERM"));
  const db = new Client({ connectionString: databaseUrl });
  await db.connect();
  closing.push(() => db.end());
  const figures = await run({ service, collector, db, location }, databaseUrl);
  process.stdout.write(table(figures));
  if (!asked.quick) await write(figures);
} finally {
  closeAgent();
  for (const close of closing.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
}
