/**
 * A file of 2 GiB in through `/uploads` and out through `/d/`, and how much memory the server takes meanwhile.
 *
 * `node bench/large-file.ts [MiB]`: the server runs in a process of its own with its own PostgreSQL and file store, all in a temporary
 * folder; the file is sparse, so that the client's disk is not what is measured. Fails when the server grows by more than 128 MiB.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pino } from "pino";
import { createDerivedFiles } from "../src/api/derived-files.ts";
import { createRegistry } from "../src/codec/registry.ts";
import { connect } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { createHttpServer } from "../src/http/server.ts";
import { dataPath } from "../src/object/data-path.ts";
import { createObjects } from "../src/object/objects.ts";
import { openStores } from "../src/store/open.ts";

const mib = 2 ** 20;
const growthLimit = 128 * mib;

interface Ready {
  readonly port: number;
  readonly upload: string;
  readonly download: string;
}

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "");
else await measure(Number(process.argv[2] ?? 2048) * mib);

async function serve(folder: string): Promise<void> {
  const postgres = await startEmbedded({ folder: join(folder, "postgres") });
  const db = await connect(postgres.url);
  await migrate(db);
  await mkdir(join(folder, "store"));
  const stores = await openStores({
    stores: [
      {
        name: "main",
        protocol: "file",
        location: join(folder, "store"),
        hashPrefix: "_hash",
        schemaPrefix: "_schema",
        tokenLength: 8,
        driver: {},
      },
    ],
    defaultName: "main",
    filepathDefaultName: undefined,
    source: "bench",
  });
  const objects = await createObjects({ db, stores });
  const server = await createHttpServer({
    host: "127.0.0.1",
    port: 0,
    version: "bench",
    logger: pino({ level: "error" }),
    stores,
    objects,
    readField: () => Promise.reject(new Error("there are no cells here")),
    derived: createDerivedFiles(createRegistry([]), objects.reader),
    checks: async () => [],
  });
  const { port } = await server.listen();
  const upload = await objects.uploads.create({
    target: { store: "main", addressing: "schema", schema: "lab", table: "t", column: "c", key: [] },
    field: "T.c",
    kind: "FILE",
    filename: "large.bin",
  });
  const { rows } = await db.query<{ locator: string }>("SELECT locator FROM holdfast.upload WHERE id = $1", [
    upload.id,
  ]);
  const { sign } = objects.capabilities;
  const download = dataPath(
    sign({ kind: "object", locator: rows[0]?.locator ?? "", gen: "1", isTree: false }),
    "large.bin",
  );
  process.send?.({
    port,
    upload: `/uploads/${sign({ kind: "upload", id: upload.id })}`,
    download,
  } satisfies Ready);
  setInterval(() => process.send?.({ rss: process.memoryUsage.rss() }), 20).unref();
  await once(process, "message");
  await server.close();
  await objects.close();
  await db.close();
  await postgres.stop();
  process.disconnect();
}

async function measure(sizeBytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-large-"));
  const file = join(folder, "sparse.bin");
  const handle = await open(file, "w");
  await handle.truncate(sizeBytes);
  await handle.close();
  const child = fork(new URL(import.meta.url).pathname, ["serve", folder]);
  const [first] = await once(child, "message");
  // as: the first message of the child is what `serve` sends
  const ready = first as Ready;
  let most = 0;
  let now = 0;
  child.on("message", (message: { rss: number }) => {
    now = message.rss;
    most = Math.max(most, now);
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = now;
    const report = async (what: string, work: Promise<void>): Promise<void> => {
      const begin = performance.now();
      await work;
      const seconds = (performance.now() - begin) / 1000;
      console.log(
        `${what}: ${sizeBytes / mib} MiB in ${seconds.toFixed(1)} s, ${(sizeBytes / mib / seconds).toFixed(0)} MiB/s; server ${(before / mib).toFixed(0)} MiB before, ${(most / mib).toFixed(0)} MiB at most`,
      );
    };
    await report("in ", send(ready, file, sizeBytes));
    await report("out", fetchAll(ready, sizeBytes));
    if (most - before > growthLimit)
      throw new Error(`the server grew by ${((most - before) / mib).toFixed(0)} MiB`);
  } finally {
    child.send("stop");
    await once(child, "exit");
    await rm(folder, { recursive: true });
  }
}

async function send({ port, upload }: Ready, file: string, sizeBytes: number): Promise<void> {
  const outgoing = request({
    host: "127.0.0.1",
    port,
    path: upload,
    method: "PUT",
    headers: { "content-length": sizeBytes },
  });
  const answered = once(outgoing, "response");
  await pipeline(createReadStream(file, { highWaterMark: mib }), outgoing);
  const [incoming] = await answered;
  incoming.resume();
  if (incoming.statusCode !== 201) throw new Error(`the upload was answered with ${incoming.statusCode}`);
}

async function fetchAll({ port, download }: Ready, sizeBytes: number): Promise<void> {
  const outgoing = request({ host: "127.0.0.1", port, path: download }).end();
  const [incoming] = await once(outgoing, "response");
  let received = 0;
  const count = new Writable({
    write(piece: Buffer, _encoding, done) {
      received += piece.length;
      done();
    },
  });
  await pipeline(incoming, count);
  if (received !== sizeBytes) throw new Error(`${received} bytes came back`);
}
