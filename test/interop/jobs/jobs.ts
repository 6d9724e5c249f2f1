/** Job tables that workers of DataJoint-Python and of the API share: who made them, who reserves, who fails, and a thousand keys at once. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { startHoldfast } from "../../acceptance/support/process.ts";
import { must, python, root, run } from "../python.ts";

type Check = (name: string, test: () => void | Promise<void>) => Promise<void>;
// biome-ignore lint/suspicious/noExplicitAny: answers of every kind
type Any = any;

const here = import.meta.dirname;

/** What both sides work on. */
interface Place {
  readonly url: string;
  readonly databaseUrl: string;
  readonly log: string;
}

function equal(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`got ${JSON.stringify(actual)}\nexpected ${JSON.stringify(expected)}`);
}

async function ask(place: Place, query: string, variables: object = {}): Promise<Any> {
  const response = await fetch(`${place.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: unknown; errors?: unknown };
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

function peer({ databaseUrl, log }: Place, ...args: readonly string[]): Any {
  const out = must(
    "peer.py",
    run(python, [join(here, "peer.py"), "--dsn", databaseUrl, ...args, "--log", log]),
  );
  return JSON.parse(out.trim().split("\n").at(-1) ?? "null");
}

async function rows(place: Place, sql: string): Promise<Any[]> {
  const client = new Client({ connectionString: place.databaseUrl });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const addSources = (place: Place, first: number, last: number) =>
  ask(place, "mutation ($rows: [CreateSourceInput!]!) { createSources(rows: $rows) { count } }", {
    rows: Array.from({ length: last - first + 1 }, (_, at) => ({ n: first + at })),
  });

const refresh = async (place: Place, table: string) =>
  (await ask(place, `mutation { refreshJobs(table: ${table}) { added removed returned } }`)).refreshJobs;

const reserve = async (place: Place, table: string, limit: number) =>
  (
    await ask(
      place,
      `mutation { reserveJob(table: ${table}, limit: ${limit}, host: "rig") { jobs { id key input } } }`,
    )
  ).reserveJob.jobs;

async function make(place: Place, table: string, jobs: readonly Any[]): Promise<void> {
  for (const { id, input } of jobs)
    await ask(
      place,
      `mutation ($input: Create${table}Input!, $id: ID!) { create${table}(input: $input) { affected { count } } completeJob(job: $id) { rows } }`,
      { input: { ...input, madeBy: "api" }, id },
    );
}

/** All that the catalog says of a table of jobs. */
const facts = (table: string) => `SELECT obj_description(c.oid, 'pg_class') AS comment,
  (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) ORDER BY a.attnum)
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns,
  (SELECT json_agg(indexdef ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'pipe' AND tablename = c.relname) AS indexes,
  (SELECT json_agg(conname ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid) AS constraints,
  (SELECT json_agg(l ORDER BY l.attribute_name) FROM pipe."~lineage" l WHERE l.table_name = c.relname) AS lineage,
  (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = 'pipe.enum_609a743e'::regtype) AS labels
  FROM pg_class c WHERE c.oid = 'pipe."${table}"'::regclass`;

async function shareOneTable(check: Check, place: Place): Promise<void> {
  await check("DataJoint refreshes, both sides work, and each sees what the other has done", async () => {
    await addSources(place, 1, 20);
    equal(peer(place, "refresh", "Filled"), { added: 20, removed: 0, orphaned: 0, re_pended: 0 });
    equal(await refresh(place, "Filled"), { added: 0, removed: 0, returned: 0 });
    const jobs = await reserve(place, "Filled", 8);
    await make(place, "Filled", jobs.slice(0, 6));
    const { pending, reserved, rows: made } = peer(place, "progress", "Filled");
    equal([pending, reserved, made], [12, 2, 6]);
    const seen = peer(place, "reserved", "Filled");
    equal(
      seen.map((one: Any) => [one.host, one.user, one.status]),
      [
        ["rig", "anonymous", "reserved"],
        ["rig", "anonymous", "reserved"],
      ],
    );
    equal(peer(place, "populate", "Filled"), { made: 12, errors: [] });
    await make(place, "Filled", jobs.slice(6));
    equal(peer(place, "progress", "Filled").rows, 20);
    equal(
      await ask(place, "{ jobs(table: Filled) { totalCount } jobProgress(table: Filled) { total done } }"),
      { jobs: { totalCount: 0 }, jobProgress: { total: 20, done: 20 } },
    );
  });
  await check(
    "a table of jobs that the API makes is DataJoint's own, and DataJoint works on it",
    async () => {
      const [made] = await rows(place, facts("~~filled"));
      peer(place, "forget", "Filled");
      await addSources(place, 21, 30);
      equal(await refresh(place, "Filled"), { added: 10, removed: 0, returned: 0 });
      equal((await rows(place, facts("~~filled")))[0], made);
      equal(peer(place, "populate", "Filled"), { made: 10, errors: [] });
    },
  );
  await check("errors of each side are read, and cleared, by the other", async () => {
    await addSources(place, 31, 32);
    await refresh(place, "Filled");
    const [ours] = (await reserve(place, "Filled", 2)).filter(({ key }: Any) => key.n === 32);
    const stack = `Error: é 😀\n${"    at make (worker.ts:1:1)\n".repeat(100)}`;
    await ask(
      place,
      'mutation ($id: ID!, $stack: String) { failJob(job: $id, message: "Error: of ours", stack: $stack) { job { id } } }',
      { id: ours.id, stack },
    );
    await rows(
      place,
      `UPDATE pipe."~~filled" SET scheduled_time = reserved_time - interval '1 s' WHERE status = 'reserved'`,
    );
    equal(await ask(place, "mutation { refreshJobs(table: Filled, orphanSeconds: 0) { returned } }"), {
      refreshJobs: { returned: 1 },
    });
    equal(peer(place, "populate", "Filled", "--fail", "31"), {
      made: 0,
      errors: ["ValueError: this key fails"],
    });
    const theirs = peer(place, "errors", "Filled").sort((a: Any, b: Any) => a.n - b.n);
    equal(
      theirs.map((one: Any) => [one.n, one.error_message]),
      [
        [31, "ValueError: this key fails"],
        [32, "Error: of ours"],
      ],
    );
    equal(theirs[1].error_stack, stack);
    const { jobs } = await ask(
      place,
      "{ jobs(table: Filled, status: [ERROR]) { nodes { key errorMessage errorStack } } }",
    );
    const told = new Map(jobs.nodes.map((one: Any) => [one.key.n, one]));
    equal(told.get(32), { key: { n: 32 }, errorMessage: "Error: of ours", errorStack: stack });
    const traceback = (told.get(31) as Any).errorStack;
    if (!/^Traceback[\s\S]*ValueError: this key fails\s*$/.test(traceback)) throw new Error(traceback);
    equal(
      (await ask(place, `mutation { resetJobs(table: Filled, keys: [{n: 31}]) { count } }`)).resetJobs.count,
      1,
    );
    equal(peer(place, "populate", "Filled"), { made: 1, errors: [] });
    peer(place, "clear", "Filled");
    equal(await refresh(place, "Filled"), { added: 1, removed: 0, returned: 0 });
    await make(place, "Filled", await reserve(place, "Filled", 5));
    equal(peer(place, "progress", "Filled").rows, 32);
  });
  await check("DataJoint works on a table of jobs that it does not make itself", async () => {
    await ask(
      place,
      `mutation { createMoments(rows: [{at: "2026-01-02T03:04:05.678Z"}, {at: "2026-06-07T08:09:10Z"}]) { count } }`,
    );
    equal(await refresh(place, "Stamped"), { added: 64, removed: 0, returned: 0 });
    await make(place, "Stamped", await reserve(place, "Stamped", 10));
    equal(peer(place, "populate", "Stamped"), { made: 54, errors: [] });
    equal(await ask(place, "{ jobProgress(table: Stamped) { remaining pending } }"), {
      jobProgress: { remaining: 0, pending: 0 },
    });
  });
}

interface Worker {
  readonly name: string;
  readonly child: ChildProcess;
  /** Its last line, once it has ended; undefined where it was killed. */
  readonly end: Promise<Any>;
}

async function startWorker(name: string, program: string, args: readonly string[]): Promise<Worker> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONWARNINGS: "ignore", DJ_IGNORE_CONFIG_FILE: "true" },
  });
  let out = "";
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString("utf8")));
  const end = once(child, "close").then(([code]) =>
    code === 0 ? JSON.parse(out.trim().split("\n").at(-1) ?? "null") : undefined,
  );
  while (!out.includes("ready")) {
    if (child.exitCode !== null) throw new Error(`${name} did not start: ${out}`);
    await sleep(20);
  }
  return { name, child, end };
}

async function together(place: Place, keys: number): Promise<void> {
  const already = 32;
  await addSources(place, already + 1, keys);
  equal(await refresh(place, "Bulk"), { added: keys, removed: 0, returned: 0 });
  const python2 = (name: string) =>
    startWorker(name, python, [
      join(here, "peer.py"),
      "--dsn",
      place.databaseUrl,
      "populate",
      "Bulk",
      "--log",
      place.log,
      "--name",
      name,
      "--wait",
    ]);
  const api = (name: string) =>
    startWorker(name, process.execPath, [
      "--no-warnings",
      join(here, "worker.ts"),
      place.url,
      "Bulk",
      place.log,
      name,
    ]);
  const workers = await Promise.all([python2("p1"), python2("p2"), api("a1"), api("a2"), api("killed")]);
  for (const { child } of workers) child.stdin?.write("go\n");
  const killed = workers.find(({ name }) => name === "killed");
  while (linesOf(place).filter(({ by }) => by === "killed").length < keys / 20) await sleep(5);
  killed?.child.kill("SIGKILL");
  const ends = await Promise.all(workers.map(async ({ name, end }) => [name, await end] as const));
  for (const [name, end] of ends) {
    if (name === "killed") continue;
    if (end === undefined) throw new Error(`${name} failed`);
    equal([name, end.refused ?? end.errors], [name, []]);
  }
  judge(place, keys, await rows(place, `SELECT n, made_by FROM pipe._bulk ORDER BY n`));
  equal(await ask(place, "{ jobs(table: Bulk) { totalCount } jobProgress(table: Bulk) { done } }"), {
    jobs: { totalCount: 0 },
    jobProgress: { done: keys },
  });
}

interface Line {
  readonly by: string;
  readonly n: number;
  readonly attempt: string;
}

function linesOf({ log }: Place): readonly Line[] {
  const lines = readFileSync(log, { encoding: "utf8", flag: "a+" }).split("\n");
  // Of a process that was killed the last line may be torn.
  return lines.flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as Line] : []));
}

/** Each key has one row; nobody began a key that somebody had begun, but those of the one that was killed. */
function judge(place: Place, keys: number, made: readonly { n: number; made_by: string }[]): void {
  equal(
    made.map(({ n }) => n),
    Array.from({ length: keys }, (_, at) => at + 1),
  );
  const begun = linesOf(place).filter(({ by }) => ["p1", "p2", "a1", "a2", "killed"].includes(by));
  const live = begun.filter(({ by }) => by !== "killed");
  const twice = [...Map.groupBy(live, ({ n }) => n)].filter(([, lines]) => lines.length > 1);
  equal(twice, []);
  const attempts = new Set(begun.map(({ attempt }) => attempt));
  equal(
    made.filter(({ made_by }) => !attempts.has(made_by)),
    [],
  );
  const done = new Set(made.map(({ made_by }) => made_by));
  equal(
    live.filter(({ attempt }) => !done.has(attempt)),
    [],
  );
  const by = Map.groupBy(begun, (line) => line.by);
  const dead = (by.get("killed") ?? []).filter(({ attempt }) => !done.has(attempt));
  if (dead.length > 1) throw new Error(`the killed worker had begun ${dead.length} keys at once`);
  const shares = ["p1", "p2", "a1", "a2", "killed"].map((name) => `${name} ${by.get(name)?.length ?? 0}`);
  process.stdout.write(`      ${shares.join(", ")}\n`);
  for (const name of ["p1", "p2", "a1", "a2"])
    if (!by.has(name)) throw new Error(`${name} had nothing to do`);
}

/** Runs all of it on a service and a database of its own; the service is built and the peer installed. */
export async function compareJobs(check: Check, keys = 1000): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-jobs-"));
  const data = join(folder, "data");
  const schema = join(here, "schema.graphql");
  const service = await startHoldfast([
    "--no-sample",
    "--no-watch",
    "--port",
    "0",
    "--data",
    data,
    "--schema",
    schema,
  ]);
  try {
    const { databaseUrl } = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as {
      databaseUrl: string;
    };
    const place = { url: service.url, databaseUrl, log: join(folder, "makes.log") };
    await shareOneTable(check, place);
    await check(
      `${keys} keys, two workers of DataJoint and two of the API, and one that is killed: each key once`,
      () => together(place, keys),
    );
  } finally {
    await service.end("SIGINT");
    rmSync(folder, { recursive: true, force: true });
  }
}
