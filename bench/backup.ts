/**
 * A backup of one large object and many rows, the check of its file and its restore, and how much memory each takes.
 *
 * `node bench/backup.ts [MiB] [rows]`: with a PostgreSQL and file stores of its own in a temporary folder. What each step takes is compared
 * with reading the object and writing it again in the same run. Fails when the process grows by more than 128 MiB.
 */

import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { checkBackup } from "../src/backup/check.ts";
import { connect } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { fileStore, Lab } from "../test/backup/support/lab.ts";

const mib = 2 ** 20;
const growthLimit = 128 * mib;
const [size = 1024, rows = 300_000] = process.argv.slice(2).map(Number);

const folder = await mkdtemp(join(tmpdir(), "holdfast-backup-"));
const postgres = await startEmbedded({ folder: join(folder, "postgres"), settings: ["fsync=off"] });
try {
  await measure();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true });
}

async function measure(): Promise<void> {
  await using lab = await labIn("from");
  const path = "_hash/lab/large";
  const { driver } = lab.objects.stores.get("main");
  await driver.put(path, pieces(size));
  await lab.insertForeign(path);
  await lab.db.query(
    `INSERT INTO lab.reading (sample_id, reading_idx, value) SELECT 1, n, n / 7.0 FROM generate_series(10, ${rows + 9}) AS n`,
  );
  const file = join(folder, "lab.tar");
  const large = join(folder, "from/main", path);
  const copied = await timed("copy of the object", () =>
    pipeline(createReadStream(large), createWriteStream(join(folder, "copy"))),
  );
  await rm(join(folder, "copy"));
  const steps = [
    await timed("backup", () => lab.backup(file)),
    await timed("check", () => checkBackup(file)),
  ];
  await using other = await labIn("to");
  steps.push(await timed("restore", () => other.restore(file)));
  const { size: bytes } = await stat(join(folder, "to/main", path));
  if (bytes !== size * mib) throw new Error(`the object came back with ${bytes} bytes`);
  for (const { what, seconds, growth } of steps) {
    const ratio = (seconds / copied.seconds).toFixed(1);
    console.log(
      `${what}: ${seconds.toFixed(1)} s, ${ratio} × the copy; grew by ${(growth / mib).toFixed(0)} MiB`,
    );
    if (growth > growthLimit) throw new Error(`${what} grew by ${(growth / mib).toFixed(0)} MiB`);
  }
}

async function labIn(name: string): Promise<Lab> {
  const stores = ["main", "cold"].map((store) => fileStore(store, join(folder, name, store)));
  for (const { location } of stores) await mkdir(location, { recursive: true });
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  const admin = await connect(postgres.url);
  await admin.query(`CREATE DATABASE "${name}"`);
  await admin.close();
  return Lab.open(url.href, stores, { isEmpty: name === "to" });
}

async function timed(what: string, work: () => Promise<unknown>) {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 10);
  const begin = performance.now();
  await work();
  clearInterval(timer);
  return { what, seconds: (performance.now() - begin) / 1000, growth: most - before };
}

/** Bytes that no file system and no line makes smaller. */
async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint32Array(mib / 4);
  for (let number = 0; number < count; number++) {
    for (let at = 0; at < piece.length; at++) piece[at] = (at * 2_654_435_761 + number * 40_503) >>> 0;
    yield new Uint8Array(piece.buffer.slice(0));
  }
}
