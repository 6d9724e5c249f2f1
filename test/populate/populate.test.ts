/** `holdfast populate` as its user runs it: makers in files, the service and the workers in processes of their own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { graphql, holdfast, type RunningService, startHoldfast } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";

vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-populate-"));
const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");
const schema = `extend schema @database(schema: "pop")
type Session @table { sessionId: Int! @key  length: Int! }
type Trace @table(tier: COMPUTED) {
  session: Session! @key
  mean: Float!
  samples: NdArray! @codec(name: "npy", store: "default")
  report: File @codec(name: "attach", store: "default")
}
type TracePeak @table(partOf: "Trace") { trace: Trace! @key  peakIdx: Int! @key  height: Float! }
type Score @table(tier: COMPUTED) { trace: Trace! @key  value: Int! }
`;

/** Every fifth session has no trace, session 13 always fails. */
const traceMaker = `import { appendFileSync } from "node:fs";
export default {
  table: "Trace",
  version: "1.2.3",
  async make(key: { sessionId: number }, { ask, upload, skip, signal }: any) {
    appendFileSync(process.env.MADE!, process.pid + " " + key.sessionId + "\\n");
    if (process.env.SLOW) await new Promise((done, fail) => { setTimeout(done, Number(process.env.SLOW)); signal.onabort = () => fail(signal.reason); });
    if (key.sessionId % 5 === 0) return skip;
    if (key.sessionId === 13) throw new RangeError("no light in session 13");
    const { session } = await ask("query ($id: Int!) { session(sessionId: $id) { length } }", { id: key.sessionId });
    const values = Float64Array.from({ length: session.length }, (_, at) => at * key.sessionId);
    const data = Buffer.from(values.buffer).toString("base64");
    const report = await upload("report", { filename: "report.txt", bytes: Buffer.from("session " + key.sessionId) });
    return {
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      samples: { base64: { dtype: "float64", shape: [session.length], data } },
      report: { upload: report },
      tracePeaks: [{ peakIdx: 1, height: values.at(-1) }],
    };
  },
};
`;

let service: RunningService;
const made = join(folder, "made.log");
const env = { MADE: made };
const keysMade = (): number[] =>
  existsSync(made)
    ? readFileSync(made, "utf8")
        .trim()
        .split("\n")
        .map((line) => Number(line.split(" ")[1]))
    : [];

function populate(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  return holdfast(["--server", service.url, ...args], { cwd: folder, env: { ...env, ...more } });
}

async function ask<Data>(query: string): Promise<Data> {
  const { data, errors } = await graphql<Data>(service.url, query);
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
  return data;
}

async function addSessions(from: number, to: number): Promise<void> {
  const rows = Array.from(
    { length: to - from + 1 },
    (_, at) => `{sessionId: ${from + at}, length: ${3 + (at % 4)}}`,
  );
  await ask(`mutation { createSessions(rows: [${rows.join(", ")}]) { count } }`);
}

beforeAll(async () => {
  mkdirSync(join(folder, "store"));
  writeFileSync(join(folder, "schema.graphql"), schema);
  writeFileSync(join(folder, "trace.ts"), traceMaker);
  const stores = { default: "main", main: { protocol: "file", location: join(folder, "store") } };
  const settings = {
    DATABASE_URL: await freshDatabase(),
    DJ_STORES: JSON.stringify(stores),
    // While a command is waited for nobody reads what the service says.
    LOG_LEVEL: "warn",
  };
  service = await startHoldfast(["--port", "0", "--no-watch", "--apply"], { cwd: folder, env: settings });
}, 90_000);
afterAll(async () => {
  await service?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

describe("holdfast populate", () => {
  it("makes every key once, with parts and uploads, and keeps what failed as an error of its job", async () => {
    await addSessions(1, 20);
    const { code, out } = populate(["populate", "trace.ts", "--parallel", "4"]);
    expect(out).toContain('Trace {"sessionId":13}: failed: RangeError: no light in session 13');
    expect(out).toContain("Trace: 15 made, 4 skipped, 1 failed");
    expect(code).toBe(1);
    expect(keysMade().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    const { traces, jobs, jobProgress } = await ask<{
      traces: { totalCount: number; nodes: { mean: number; samples: { values: number[] } }[] };
      jobs: { nodes: { key: object; status: string; errorMessage: string; version: string }[] };
      jobProgress: object;
    }>(`{ traces(where: {sessionId: {eq: 7}}) { totalCount nodes { mean samples { values } report { text } tracePeaks { nodes { height } } } }
      jobs(table: Trace, status: [ERROR]) { nodes { key status errorMessage errorStack version } }
      jobProgress(table: Trace) { pending reserved error ignore total done remaining } }`);
    expect(traces.nodes).toEqual([
      {
        mean: 14,
        samples: { values: [0, 7, 14, 21, 28] },
        report: { text: "session 7" },
        tracePeaks: { nodes: [{ height: 28 }] },
      },
    ]);
    expect(jobs.nodes).toEqual([
      {
        key: { sessionId: 13 },
        status: "ERROR",
        errorMessage: "RangeError: no light in session 13",
        errorStack: expect.stringContaining("trace.ts"),
        version: "1.2.3",
      },
    ]);
    expect(jobProgress).toEqual({
      pending: 0,
      reserved: 0,
      error: 1,
      ignore: 4,
      total: 20,
      done: 15,
      remaining: 5,
    });
  });

  it("has nothing to do then, and tells so as JSON", async () => {
    const { code, out } = populate(["--json", "populate", "trace.ts"]);
    expect(JSON.parse(out)).toEqual({
      keys: [],
      tables: [{ table: "Trace", MADE: 0, SKIPPED: 0, FAILED: 0, LOST: 0 }],
    });
    expect(code).toBe(0);
  });

  it("is gone on with by others when a worker is killed, and loses no key and makes none twice", async () => {
    await addSessions(21, 44);
    rmSync(made);
    const args = [
      command,
      "--server",
      service.url,
      "populate",
      "trace.ts",
      "--lease",
      "3",
      "--parallel",
      "3",
    ];
    const start = (slow: string): ChildProcess =>
      spawn(process.execPath, args, {
        cwd: folder,
        env: { ...process.env, ...env, SLOW: slow },
        stdio: "ignore",
      });
    const killed = start("60000");
    while (keysMade().length < 3) await sleep(50);
    killed.kill("SIGKILL");
    const taken = keysMade();
    const watching = spawn(process.execPath, [...args, "--watch", "1"], {
      cwd: folder,
      env: { ...process.env, ...env, SLOW: "20" },
      stdio: "ignore",
    });
    const remaining = async () =>
      (await ask<{ jobProgress: { remaining: number } }>("{ jobProgress(table: Trace) { remaining } }"))
        .jobProgress.remaining;
    const skippedOnes = 4 + 4; // 5 to 20; 25, 30, 35, 40
    while ((await remaining()) > skippedOnes + 1) await sleep(200);
    watching.kill("SIGINT");
    await once(watching, "exit");
    const after = keysMade().slice(taken.length);
    expect(new Set(after)).toEqual(new Set(Array.from({ length: 24 }, (_, at) => 21 + at)));
    expect(after.length).toBe(24);
    const { traces } = await ask<{ traces: { totalCount: number } }>("{ traces { totalCount } }");
    expect(traces.totalCount).toBe(15 + 20);
  });

  it("gives keys back at once when it is interrupted", async () => {
    await addSessions(46, 47);
    const args = [command, "--server", service.url, "populate", "trace.ts"];
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env, SLOW: "60000" },
      stdio: "ignore",
    });
    const count = keysMade().length;
    while (keysMade().length === count) await sleep(50);
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(130);
    const { jobProgress } = await ask<{ jobProgress: object }>(
      "{ jobProgress(table: Trace) { pending reserved } }",
    );
    expect(jobProgress).toEqual({ pending: 2, reserved: 0 });
  });

  it("stops when the store is away, and its keys wait", async () => {
    renameSync(join(folder, "store"), join(folder, "away"));
    const { code, err } = populate(["populate", "trace.ts", "--parallel", "2"]);
    renameSync(join(folder, "away"), join(folder, "store"));
    expect(err).toMatch(/location .* of a file store is missing/);
    expect(code).toBe(6);
    const { jobProgress } = await ask<{ jobProgress: object }>(
      "{ jobProgress(table: Trace) { pending reserved error } }",
    );
    expect(jobProgress).toEqual({ pending: 2, reserved: 0, error: 1 });
  });

  it("drops what a worker answers when its key has gone to another one", async () => {
    await addSessions(48, 48);
    const go = join(folder, "go");
    writeFileSync(
      join(folder, "late.ts"),
      `import { appendFileSync, existsSync } from "node:fs";
export default {
  table: "Trace",
  async make(key: { sessionId: number }, { skip }: any) {
    appendFileSync(process.env.MADE!, process.pid + " " + key.sessionId + "\\n");
    while (!existsSync(process.env.GO!)) await new Promise((done) => setTimeout(done, 50));
    return skip;
  },
};
`,
    );
    const args = [command, "--server", service.url, "populate", "late.ts", "--lease", "3", "--limit", "1"];
    const late = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env, GO: go },
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    late.stdout?.on("data", (piece: Buffer) => (said += piece.toString("utf8")));
    const count = keysMade().length;
    while (keysMade().length === count) await sleep(50);
    late.kill("SIGSTOP");
    await sleep(3500);
    expect(populate(["populate", "trace.ts"]).out).toContain("Trace: 3 made");
    writeFileSync(go, "");
    late.kill("SIGCONT");
    await once(late, "close");
    expect(said).toMatch(/lost: Another worker has the key/);
    expect(said).toContain("Trace: 0 made, 1 lost to other workers");
    const { jobs } = await ask<{ jobs: object }>(
      "{ jobs(table: Trace, status: [IGNORE, PENDING, RESERVED]) { totalCount } }",
    );
    expect(jobs).toEqual({ totalCount: 8 });
  });

  it("tells a refused row as the error of its job, and writes nothing of it", async () => {
    writeFileSync(
      join(folder, "score.ts"),
      'export default { table: "Score", make: (key) => (key.sessionId === 1 ? { value: "x" } : key.sessionId === 2 ? undefined : { value: 1 }) };',
    );
    const { out, code } = populate(["populate", "score.ts", "--parallel", "8"]);
    expect(out).toMatch(/Score \{"sessionId":1\}: failed: BAD_USER_INPUT: .*Int cannot represent/);
    expect(out).toMatch(
      /Score \{"sessionId":2\}: failed: BAD_USER_INPUT: The maker of Score answered no row/,
    );
    expect(out).toContain("Score: 36 made, 2 failed");
    expect(code).toBe(1);
    const { scores } = await ask<{ scores: { nodes: object[] } }>(
      "{ scores(first: 1) { nodes { sessionId } } }",
    );
    expect(scores.nodes).toEqual([{ sessionId: 3 }]);
  });

  it.each([
    ["absent.ts", undefined, /absent\.ts cannot be loaded/],
    ["empty.ts", "export const x = 1;", /has no maker as its default export/],
    ["nameless.ts", "export default { make() {} };", /names no table/],
    ["makeless.ts", 'export default { table: "Trace" };', /has no function make/],
    ["broken.ts", "export default {", /cannot be loaded/],
    ["manual.ts", 'export default { table: "Session", make() {} };', /Session has no jobs.*Trace, Score/s],
  ])("refuses %s by name", (name, text, message) => {
    if (text !== undefined) writeFileSync(join(folder, name), text);
    const { code, err } = populate(["populate", name]);
    expect(err).toMatch(message);
    expect(code).not.toBe(0);
  });
});
