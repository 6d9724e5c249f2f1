/**
 * Requests a second, latency, time on the processor and memory of Holdfast beside a hand-written server, PostGraphile and plain Apollo, on one
 * database. `npm run bench:speed [-- --quick] [-- --only holdfast,raw] [-- --queries row,tree]`; a whole run writes `figures.json` and the table of
 * `docs/reference/performance.md`.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Client } from "pg";
import { startEmbedded } from "../../src/db/embedded.ts";
import { type Contender, canPin, pin, startContender } from "./contender.ts";
import { emptyReadings, fill } from "./database.ts";
import { drive } from "./load.ts";
import { cpuMicroseconds, familyMicroseconds, residentMebibytes } from "./process-facts.ts";
import { type Figures, type Measure, printFigures, type Round, summed, writeFigures } from "./report.ts";
import {
  bodyOf,
  type ContenderName,
  canonical,
  contenderNames,
  type QueryName,
  queries,
  queryNames,
  seededRandom,
} from "./workload.ts";

const { values: asked } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    queries: { type: "string" },
    rounds: { type: "string" },
    profile: { type: "string" },
  },
});
const only = asked.only?.split(",") ?? contenderNames;
const chosen = contenderNames.filter((name) => only.includes(name));
const chosenQueries = queryNames.filter((name) => (asked.queries?.split(",") ?? queryNames).includes(name));
const rounds = Number(asked.rounds ?? (asked.quick ? 2 : 7));
const times = asked.quick
  ? { warm: 700, settle: 150, measure: 1000 }
  : { warm: 3000, settle: 300, measure: 2000 };
/** As many as each contender has connections to the database: fewer do not keep the fast ones busy. */
const connections = 20;
const here = import.meta.dirname;
const root = join(here, "../..");

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function prepare(): void {
  if (!existsSync("/proc/self/stat"))
    throw new Error("Time on the processor is read from /proc: run this on Linux.");
  if (!existsSync(join(here, "node_modules/postgraphile"))) {
    say("Installing the contenders …");
    const installed = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: here,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (installed.status !== 0) throw new Error("The contenders could not be installed.");
  }
  say("Building Holdfast …");
  execFileSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: "inherit" });
}

async function send(contender: Contender, body: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${contender.port}${contender.path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body,
  });
  const answer: { data?: unknown; errors?: unknown } = JSON.parse(await response.text());
  if (answer.errors !== undefined || response.status !== 200)
    throw new Error(`${contender.name}: ${response.status} ${JSON.stringify(answer.errors)}`);
  return answer.data;
}

/** Every contender must answer the same before anyone is measured. */
async function compareAnswers(contenders: readonly Contender[]): Promise<void> {
  for (const query of queryNames.filter((name) => name !== "create")) {
    const random = seededRandom(7);
    for (let n = 0; n < 5; n++) {
      const variables = queries[query].variables(random);
      const answers: (readonly [ContenderName, unknown])[] = [];
      for (const contender of contenders) {
        const body = bodyOf(contender.name, query, variables);
        if (body !== undefined) answers.push([contender.name, canonical(await send(contender, body))]);
      }
      const [first] = answers;
      for (const [name, answer] of answers) {
        if (isDeepStrictEqual(answer, first?.[1])) continue;
        throw new Error(
          `${query} ${JSON.stringify(variables)}: ${name} answers other than ${first?.[0]}:\n${JSON.stringify(answer).slice(0, 2000)}\n${JSON.stringify(first?.[1]).slice(0, 2000)}`,
        );
      }
    }
  }
}

interface Bench {
  readonly contenders: readonly Contender[];
  readonly databaseUrl: string;
  readonly postgresPid: number;
}

/** Resident memory of each contender, in MiB. */
function memoryOf(contenders: readonly Contender[]): Figures["memory"] {
  return Object.fromEntries(contenders.map(({ name, pid }) => [name, Math.round(residentMebibytes(pid))]));
}

interface Measured {
  readonly measures: Measure[];
  /** After the reads, which every contender answers; the bulk create comes last, and not all have it. */
  readonly memory: Figures["memory"];
}

async function measureAll({ contenders, databaseUrl, postgresPid }: Bench): Promise<Measured> {
  const measures: Measure[] = [];
  let memory: Figures["memory"] | undefined;
  for (const query of chosenQueries) {
    if (query === "create") memory = memoryOf(contenders);
    const taking = contenders.filter(({ name }) => bodyOf(name, query, {}) !== undefined);
    const bodies = new Map(taking.map(({ name }) => [name, bodySource(name, query)]));
    const run = (contender: Contender, milliseconds: number) =>
      drive({ ...contender, connections, milliseconds, body: bodies.get(contender.name) ?? (() => "") });
    say(`${queries[query].title}: warming up`);
    for (const contender of taking) await warm((milliseconds) => run(contender, milliseconds));
    const found = new Map<ContenderName, Round[]>(taking.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      const order = [...taking.slice(round % taking.length), ...taking.slice(0, round % taking.length)];
      for (const contender of order) {
        if (query === "create") await emptyReadings(databaseUrl);
        await run(contender, times.settle);
        const before = { own: cpuMicroseconds(contender.pid), database: familyMicroseconds(postgresPid) };
        const result = await run(contender, times.measure);
        const own = cpuMicroseconds(contender.pid) - before.own;
        const database = familyMicroseconds(postgresPid) - before.database;
        found.get(contender.name)?.push({ result, own, database });
      }
      say(
        `  round ${round + 1} of ${rounds}: ${[...found].map(([name, each]) => `${name} ${lastRate(each)}/s`).join(", ")}`,
      );
    }
    for (const [contender, each] of found) measures.push(summed(query, contender, each));
  }
  return { measures, memory: memory ?? memoryOf(contenders) };
}

/** Until the engine has compiled what is hot: for a while, and on a busy machine until enough requests were answered. */
async function warm(run: (milliseconds: number) => Promise<{ readonly requests: number }>): Promise<void> {
  let requests = 0;
  for (let tries = 0; tries < 4 && (tries === 0 || requests < 5000); tries++)
    requests += (await run(times.warm)).requests;
}

function lastRate(each: readonly Round[]): string {
  const last = each.at(-1)?.result;
  return last === undefined ? "–" : (last.requests / last.seconds).toFixed(0);
}

/** A source of bodies; those of reads are made beforehand, so that the generator has little to do. */
function bodySource(contender: ContenderName, query: QueryName): () => string {
  const random = seededRandom(query.length * 101 + 1);
  const next = () => bodyOf(contender, query, queries[query].variables(random)) ?? "";
  if (query === "create") return next;
  const made = Array.from({ length: 2000 }, next);
  let at = 0;
  return () => made[at++ % made.length] ?? "";
}

async function facts(databaseUrl: string): Promise<Figures["host"]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
  await client.end();
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    node: process.version,
    postgresql: rows[0]?.server_version.split(" ")[0] ?? "unknown",
  };
}

async function bench(folder: string, stack: AsyncDisposableStack): Promise<Figures> {
  const postgres = stack.adopt(await startEmbedded({ folder: join(folder, "postgres") }), (each) =>
    each.stop(),
  );
  const admin = new Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query("CREATE DATABASE speed");
  await admin.end();
  const databaseUrl = postgres.url.replace("/postgres?", "/speed?");
  const pinned = canPin() && cpus().length > 1;
  if (pinned) {
    if (cpus().length > 2) pin(postgres.pid, `2-${cpus().length - 1}`);
    pin(process.pid, "1");
  }
  const environment = {
    DATABASE_URL: databaseUrl,
    HOLDFAST_SCHEMA: join(here, "schema.graphql"),
    HOLDFAST_DATA: join(folder, "data"),
  };
  const contenders: Contender[] = [];
  // Holdfast first: it makes the tables.
  for (const name of [...chosen].sort((a, b) => Number(b === "holdfast") - Number(a === "holdfast"))) {
    say(`Starting ${name} …`);
    const node =
      asked.profile === undefined || name !== "holdfast"
        ? []
        : ["--cpu-prof", `--cpu-prof-dir=${asked.profile}`];
    const started = await startContender(name, {
      environment,
      pinned,
      log: join(folder, `${name}.log`),
      node,
    });
    contenders.push(stack.adopt(started, (each) => each.stop()));
    if (name !== "holdfast") continue;
    say("Loading rows …");
    await fill(databaseUrl, (query, variables) => send(started, JSON.stringify({ query, variables })));
  }
  const ordered = contenders.toSorted((a, b) => chosen.indexOf(a.name) - chosen.indexOf(b.name));
  say("Comparing answers …");
  await compareAnswers(ordered);
  const measured = await measureAll({ contenders: ordered, databaseUrl, postgresPid: postgres.pid });
  return {
    date: new Date().toISOString().slice(0, 10),
    host: await facts(databaseUrl),
    how: { rounds, connections, secondsARound: times.measure / 1000, pinned },
    ...measured,
    memoryInTheEnd: memoryOf(ordered),
  };
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-speed-"));
const stack = new AsyncDisposableStack();
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void stack.disposeAsync().finally(() => process.exit(130));
  });
}
try {
  prepare();
  const figures = await bench(folder, stack);
  printFigures(figures);
  const whole =
    !asked.quick && chosen.length === contenderNames.length && chosenQueries.length === queryNames.length;
  if (whole)
    await writeFigures(figures, join(here, "figures.json"), join(root, "docs/reference/performance.md"));
  else writeFileSync(join(tmpdir(), "holdfast-speed.json"), `${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await stack.disposeAsync();
}
