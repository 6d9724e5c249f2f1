/** Job tables that workers of DataJoint-Python and of the API share: who made them, who reserves, who fails, and a thousand keys at once. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { startHoldfast } from "../../acceptance/support/process.ts";
import { python, root } from "../python.ts";

type Check = (name: string, test: () => void | Promise<void>) => Promise<void>;
// biome-ignore lint/suspicious/noExplicitAny: answers of every kind
type Any = any;

const here = import.meta.dirname;
const env = { ...process.env, PYTHONWARNINGS: "ignore", DJ_IGNORE_CONFIG_FILE: "true" };

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

/** A process that answers a line with a line. */
class Talker {
  readonly name: string;
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(name: string, child: ChildProcess, lines: AsyncIterator<string>) {
    this.name = name;
    this.child = child;
    this.#lines = lines;
  }

  /** Starts it, and waits until it is ready. */
  static async start(name: string, program: string, args: readonly string[]): Promise<Talker> {
    const child = spawn(program, args, { cwd: root, stdio: ["pipe", "pipe", "inherit"], env });
    // Where it has died the answer is that there is none.
    child.stdin.on("error", () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const talker = new Talker(name, child, lines);
    if ((await talker.#next()) !== "ready") throw new Error(`${name} did not start`);
    return talker;
  }

  /** The next line that is an answer: libraries write there too. */
  async #next(): Promise<string | undefined> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) return undefined;
      if (value === "ready" || value.startsWith("= ")) return value;
    }
  }

  /** Its answer; `undefined` where it ended without one. */
  async ask(what: object): Promise<Any> {
    this.child.stdin?.write(`${JSON.stringify(what)}\n`);
    const line = await this.#next();
    return line === undefined ? undefined : JSON.parse(line.slice(2));
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, "close");
    this.child.stdin?.end();
    await closed;
  }
}

const startPeer = ({ databaseUrl, log }: Place, name: string): Promise<Talker> =>
  Talker.start(name, python, [join(here, "peer.py"), "--dsn", databaseUrl, "--log", log, "--name", name]);

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

async function shareOneTable(check: Check, place: Place, peer: Talker): Promise<void> {
  await check("DataJoint refreshes, both sides work, and each sees what the other has done", async () => {
    await addSources(place, 1, 20);
    equal(await peer.ask({ do: "refresh", table: "Filled" }), {
      added: 20,
      removed: 0,
      orphaned: 0,
      re_pended: 0,
    });
    equal(await refresh(place, "Filled"), { added: 0, removed: 0, returned: 0 });
    const jobs = await reserve(place, "Filled", 8);
    await make(place, "Filled", jobs.slice(0, 6));
    const { pending, reserved, rows: made } = await peer.ask({ do: "progress", table: "Filled" });
    equal([pending, reserved, made], [12, 2, 6]);
    const seen = await peer.ask({ do: "reserved", table: "Filled" });
    equal(
      seen.map((one: Any) => [one.host, one.user, one.status]),
      [
        ["rig", "anonymous", "reserved"],
        ["rig", "anonymous", "reserved"],
      ],
    );
    equal(await peer.ask({ do: "populate", table: "Filled" }), { made: 12, errors: [] });
    await make(place, "Filled", jobs.slice(6));
    equal((await peer.ask({ do: "progress", table: "Filled" })).rows, 20);
    equal(
      await ask(place, "{ jobs(table: Filled) { totalCount } jobProgress(table: Filled) { total done } }"),
      { jobs: { totalCount: 0 }, jobProgress: { total: 20, done: 20 } },
    );
  });
  await check(
    "a table of jobs that the API makes is DataJoint's own, and DataJoint works on it",
    async () => {
      const [made] = await rows(place, facts("~~filled"));
      await peer.ask({ do: "forget", table: "Filled" });
      await addSources(place, 21, 30);
      equal(await refresh(place, "Filled"), { added: 10, removed: 0, returned: 0 });
      equal((await rows(place, facts("~~filled")))[0], made);
      equal(await peer.ask({ do: "populate", table: "Filled" }), { made: 10, errors: [] });
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
    equal(await peer.ask({ do: "populate", table: "Filled", fail: 31 }), {
      made: 0,
      errors: ["ValueError: this key fails"],
    });
    const theirs = (await peer.ask({ do: "errors", table: "Filled" })).sort((a: Any, b: Any) => a.n - b.n);
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
    equal(await peer.ask({ do: "populate", table: "Filled" }), { made: 1, errors: [] });
    await peer.ask({ do: "clear", table: "Filled" });
    equal(await refresh(place, "Filled"), { added: 1, removed: 0, returned: 0 });
    await make(place, "Filled", await reserve(place, "Filled", 5));
    equal((await peer.ask({ do: "progress", table: "Filled" })).rows, 32);
  });
  await check("DataJoint works on a table of jobs that it does not make itself", async () => {
    await ask(
      place,
      `mutation { createMoments(rows: [{at: "2026-01-02T03:04:05.678Z"}, {at: "2026-06-07T08:09:10Z"}]) { count } }`,
    );
    equal(await refresh(place, "Stamped"), { added: 64, removed: 0, returned: 0 });
    await make(place, "Stamped", await reserve(place, "Stamped", 10));
    equal(await peer.ask({ do: "populate", table: "Stamped" }), { made: 54, errors: [] });
    equal(await ask(place, "{ jobProgress(table: Stamped) { remaining pending } }"), {
      jobProgress: { remaining: 0, pending: 0 },
    });
  });
}

/** Keys that the first checks have used. */
const sources = 32;

async function together(place: Place, keys: number): Promise<void> {
  await addSources(place, sources + 1, keys);
  equal(await refresh(place, "Bulk"), { added: keys, removed: 0, returned: 0 });
  const api = (name: string) =>
    Talker.start(name, process.execPath, [
      "--no-warnings",
      join(here, "worker.ts"),
      place.url,
      "Bulk",
      place.log,
      name,
    ]);
  const workers = await Promise.all([
    startPeer(place, "p1"),
    startPeer(place, "p2"),
    api("a1"),
    api("a2"),
    api("killed"),
  ]);
  const ends = workers.map((worker) => worker.ask({ do: "populate", table: "Bulk" }));
  while (linesOf(place).filter(({ by }) => by === "killed").length < keys / 20) await sleep(5);
  workers.find(({ name }) => name === "killed")?.child.kill("SIGKILL");
  for (const [at, end] of (await Promise.all(ends)).entries()) {
    const name = workers[at]?.name;
    if (name === "killed") equal(end, undefined);
    else equal([name, end?.refused ?? end?.errors], [name, []]);
  }
  await Promise.all(workers.map((worker) => worker.end()));
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
    const peer = await startPeer(place, "peer");
    await shareOneTable(check, place, peer);
    await peer.end();
    await check(
      `${keys} keys, two workers of DataJoint and two of the API, and one that is killed: each key once`,
      () => together(place, keys),
    );
  } finally {
    await service.end("SIGINT");
    rmSync(folder, { recursive: true, force: true });
  }
}
