/**
 * Bytes in and out of stores: through Holdfast beside the AWS SDK on the same S3 server, the file store beside `cp` with fsync, and the memory
 * of the service while 5 GiB pass. `npm run bench:stores [-- --rounds 3] [-- --gib 5] [-- --quick]`; a whole run writes `figures.json` and the tables of
 * `docs/reference/performance.md`.
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cpuMicroseconds, residentMebibytes } from "../speed/process-facts.ts";
import { type Figures, print, type Ratio, write } from "./report.ts";
import { type Servers, startServers } from "./servers.ts";
import {
  type Direct,
  type Field,
  fetchAll,
  fetchDirect,
  pooled,
  putDirect,
  sendDirect,
  sendFile,
  sendRows,
} from "./transfers.ts";

const { values: asked } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    gib: { type: "string" },
  },
});
const mib = 2 ** 20;
const rounds = Number(asked.rounds ?? (asked.quick ? 1 : 5));
const largeBytes = (asked.quick ? 128 : 1024) * mib;
const curveBytes = Math.round(Number(asked.gib ?? (asked.quick ? 0.25 : 5)) * 1024) * mib;
const smallBytes = 64 * 1024;
const smallCount = asked.quick ? 100 : 1000;
const atOnce = 16;
const largeName = `${largeBytes / mib} MiB`;
const smallName = `${smallCount} × 64 KiB`;
/** Rows of a request: as many as fit its body. */
const rowsAtOnce = 50;
const root = resolve(import.meta.dirname, "../..");

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Random bytes, so that no server can save work on them; written once and read from the page cache by everybody. */
async function makeFile(path: string, sizeBytes: number): Promise<void> {
  const handle = await open(path, "w");
  try {
    for (let at = 0; at < sizeBytes; at += 16 * mib) {
      await handle.write(randomBytes(Math.min(16 * mib, sizeBytes - at)));
    }
  } finally {
    await handle.close();
  }
}

/** A new first block, so that no content comes twice: equal content would be one object, and nothing would be written. */
async function renew(path: string): Promise<void> {
  const handle = await open(path, "r+");
  await handle.write(randomBytes(4096), 0, 4096, 0);
  await handle.close();
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

interface Bench {
  readonly servers: Servers;
  readonly direct: Direct;
  readonly folder: string;
  readonly file: string;
}

/** One pair of measurements a round: `[ours, theirs]`, in seconds. */
type Pairs = Map<string, (readonly [number, number])[]>;

function note(pairs: Pairs, name: string, ours: number, theirs: number): void {
  pairs.set(name, [...(pairs.get(name) ?? []), [ours, theirs]]);
  say(`  ${name}: ${ours.toFixed(2)} s, ${theirs.toFixed(2)} s, ratio ${(theirs / ours).toFixed(2)}`);
}

/** In turn first and second, because what runs second finds a busy disk. */
async function inTurn(
  round: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<readonly [number, number]> {
  if (round % 2 === 0) return [await ours(), await theirs()];
  const second = await theirs();
  return [await ours(), second];
}

async function large({ servers, direct, file }: Bench, pairs: Pairs, round: number): Promise<void> {
  let url = "";
  const key = `direct/large-${round}`;
  await renew(file);
  const up = await inTurn(
    round,
    () => seconds(async () => (url = (await sendFile(servers, "remote", file, largeBytes)).url)),
    () => seconds(() => sendDirect(direct, key, file)),
  );
  note(pairs, `upload of ${largeName}`, ...up);
  const down = await inTurn(
    round,
    () => seconds(() => fetchAll(url, largeBytes)),
    () => seconds(() => fetchDirect(direct, key, largeBytes)),
  );
  note(pairs, `download of ${largeName}`, ...down);
}

/** Seconds of `work`; says what the service's processor did for each small object, which a busy machine does not change as much. */
async function perObject(servers: Servers, name: string, work: () => Promise<unknown>): Promise<number> {
  const before = cpuMicroseconds(servers.pid);
  const taken = await seconds(work);
  const each = (cpuMicroseconds(servers.pid) - before) / 1000 / smallCount;
  say(`  ${name} of ${smallName}: ${each.toFixed(2)} ms of the service's processor for each`);
  return taken;
}

async function small({ servers, direct }: Bench, pairs: Pairs, round: number): Promise<void> {
  const values = Array.from({ length: smallCount }, () => randomBytes(smallBytes));
  const batches = Array.from({ length: Math.ceil(smallCount / rowsAtOnce) }, (_, n) =>
    values.slice(n * rowsAtOnce, (n + 1) * rowsAtOnce),
  );
  let urls: string[] = [];
  const key = (index: number) => `direct/small-${round}-${index}`;
  const up = await inTurn(
    round,
    () =>
      perObject(servers, "upload", async () => {
        urls = (await pooled(batches, 4, (batch) => sendRows(servers, batch))).flat();
      }),
    () => seconds(() => pooled(values, atOnce, (bytes, index) => putDirect(direct, key(index), bytes))),
  );
  note(pairs, `upload of ${smallName}`, ...up);
  const down = await inTurn(
    round,
    () => perObject(servers, "download", () => pooled(urls, atOnce, (url) => fetchAll(url, smallBytes))),
    () => seconds(() => pooled(values, atOnce, (_, index) => fetchDirect(direct, key(index), smallBytes))),
  );
  note(pairs, `download of ${smallName}`, ...down);
}

async function disk({ servers, folder, file }: Bench, pairs: Pairs, round: number): Promise<void> {
  await renew(file);
  const copy = join(folder, "copy.bin");
  const up = await inTurn(
    round,
    () => seconds(() => sendFile(servers, "local", file, largeBytes)),
    () =>
      seconds(async () => {
        execFileSync("cp", [file, copy]);
        execFileSync("sync", [copy]);
      }),
  );
  rmSync(copy, { force: true });
  note(pairs, `${largeName} into the file store`, ...up);
}

/** Resident memory of the service, four times a second, while `work` runs. */
async function curve(pid: number, work: () => Promise<unknown>): Promise<number[]> {
  const seen = [residentMebibytes(pid)];
  const timer = setInterval(() => seen.push(residentMebibytes(pid)), 250);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return seen.map((value) => Math.round(value));
}

async function memory({ servers, folder }: Bench): Promise<Figures["memory"]> {
  const file = join(folder, "curve.bin");
  await makeFile(file, curveBytes);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const idle = Math.round(residentMebibytes(servers.pid));
  const of = async (field: Field) => {
    let url = "";
    await renew(file);
    const up = await curve(
      servers.pid,
      async () => (url = (await sendFile(servers, field, file, curveBytes)).url),
    );
    return { up, down: await curve(servers.pid, () => fetchAll(url, curveBytes)) };
  };
  const remote = await of("remote");
  const local = await of("local");
  rmSync(file);
  return { gib: curveBytes / 1024 / mib, idle, remote, local };
}

/** What to reach, as the median of the rounds' ratios. */
const aims: Readonly<Record<string, number>> = {
  [`upload of ${largeName}`]: 0.8,
  [`download of ${largeName}`]: 0.8,
  [`upload of ${smallName}`]: 0.7,
  [`download of ${smallName}`]: 0.7,
  [`${largeName} into the file store`]: 0.6,
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function ratios(pairs: Pairs): Ratio[] {
  return [...pairs].map(([name, found]) => ({
    name,
    ours: median(found.map(([ours]) => ours)),
    theirs: median(found.map(([, theirs]) => theirs)),
    ratio: median(found.map(([ours, theirs]) => theirs / ours)),
    aim: aims[name] ?? 0,
    rounds: found,
  }));
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-stores-"));
try {
  execFileSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: "inherit" });
  const servers = await startServers(folder);
  try {
    const file = join(folder, "large.bin");
    await makeFile(file, largeBytes);
    const bench: Bench = { servers, direct: servers.s3, folder, file };
    const curves = await memory(bench);
    const pairs: Pairs = new Map();
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      await large(bench, pairs, round);
      await small(bench, pairs, round);
      await disk(bench, pairs, round);
    }
    const figures: Figures = {
      date: new Date().toISOString().slice(0, 10),
      rounds,
      ratios: ratios(pairs),
      memory: curves,
    };
    print(figures);
    if (!asked.quick) await write(figures);
  } finally {
    await servers.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
