import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { filePoints, writePathPoints } from "../../src/object/fault-points.ts";
import { registerStores } from "../../src/object/register-stores.ts";
import { parseStores } from "../../src/store/config-parse.ts";
import type { Stores } from "../../src/store/contract.ts";
import { openStores } from "../../src/store/open.ts";
import { freshDatabase } from "../support/database.ts";
import {
  catalogIsWhole,
  everyRowHasItsBytes,
  keysAreWrittenOnce,
  type Line,
  nothingAcknowledgedIsMissing,
} from "./check.ts";

let url: string;
let db: PostgresDatabase;
let stores: Stores;
let location: string;
let base: string;
const lines: Line[] = [];
let child = 0;

beforeAll(async () => {
  url = await freshDatabase();
  await migrate(url);
  db = await connect(url);
  base = await mkdtemp(join(tmpdir(), "holdfast-crash-"));
  location = join(base, "store");
  await mkdir(location);
  stores = await openStores(parseStores({ default: "main", main: { protocol: "file", location } }, "test"));
  await registerStores(db, stores);
  await db.query("CREATE SCHEMA lab");
  await db.query("CREATE TABLE lab.item (id int PRIMARY KEY, value jsonb NOT NULL, digest text NOT NULL)");
  await db.query("SELECT holdfast.adopt_column('lab.item', 'value', 'main', false)");
});

afterAll(async () => {
  await db.close();
  await rm(base, { recursive: true, force: true });
});

/** Runs one child to its end, or for `killAfterMs`; answers whether it was killed. */
function run(fault: string, killAfterMs?: number): Promise<boolean> {
  const script = fileURLToPath(new URL("./writer.ts", import.meta.url));
  const args = ["--no-warnings", script, url, location, String(++child)];
  const env = { ...process.env, HOLDFAST_FAULT: fault };
  const started = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  started.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const timer =
    killAfterMs === undefined ? undefined : setTimeout(() => started.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve, reject) => {
    started.once("error", reject);
    started.once("close", (code, signal) => {
      clearTimeout(timer);
      // Each line is written by one system call, so a killed child leaves whole lines.
      for (const text of output.split("\n").filter((line) => line !== "")) lines.push(JSON.parse(text));
      if (signal === null && code !== 0) reject(new Error(`the child ended with ${code}: ${output}`));
      else resolve(signal === "SIGKILL");
    });
  });
}

async function check(): Promise<void> {
  const rows = await everyRowHasItsBytes(db, stores);
  nothingAcknowledgedIsMissing(rows, lines);
  await catalogIsWhole(db, stores);
  await keysAreWrittenOnce(db, stores);
}

/** What the reaper does when leases have run out; rows must not notice. */
async function reap(): Promise<void> {
  await db.query(
    "UPDATE holdfast.upload SET expires_at = clock_timestamp() - interval '1 s' WHERE expires_at > clock_timestamp()",
  );
  await db.query("SELECT holdfast.reap()");
}

const points = [...writePathPoints.map((point) => point.replace("[n]", "[1]")), ...filePoints];

test.each(points)("kill -9 at %s", { timeout: 60_000 }, async (point) => {
  const killed = await Promise.all([run(`${point}:kill:2`), run(`${point}:kill:5`)]);
  expect(killed).toEqual([true, true]);
  await check();
});

// Not the first time: that one is the registration of the stores, without which there is no writer.
test("an error at each point", { timeout: 120_000 }, async () => {
  const before = lines.filter((line) => "failed" in line).length;
  for (let first = 0; first < points.length; first += 4) {
    const faults = points.slice(first, first + 4).map((point) => `${point}:error:2,${point}:error:5`);
    expect(await run(faults.join(","))).toBe(false);
  }
  await check();
  expect(lines.filter((line) => "failed" in line).length - before).toBeGreaterThanOrEqual(points.length);
});

test("kill -9 at any moment, then leases run out, then more work", { timeout: 120_000 }, async () => {
  for (let round = 0; round < 6; round++) {
    await Promise.all([run("", 250 + round * 61), run("", 400 + round * 97)]);
    await reap();
  }
  expect(await run("")).toBe(false);
  await check();
  expect(lines.filter((line) => line.ack !== undefined).length).toBeGreaterThan(50);
});
