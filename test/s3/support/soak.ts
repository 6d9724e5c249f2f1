/**
 * The soak: several clients send and read random bytes through the whole service, whose S3 server stands behind a proxy that breaks
 * things at random, while the service is killed and started again. Afterwards everything is compared. Public surface only, but for
 * the last look into the database and the bucket.
 */

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import pg from "pg";
import { isServiceError } from "../../../src/errors.ts";
import { createS3Driver } from "../../../src/store/s3.ts";
import { createUpload, put, send } from "../../acceptance/support/exchange.ts";
import { Place } from "../../acceptance/support/place.ts";
import { type Fault, type FaultProxy, type Seen, startProxy } from "./proxy.ts";
import { type S3Server, startS3, storeOn } from "./server.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly clients?: number;
  /** Seconds between deaths of the service; none in the last quarter, whose memory is looked at. */
  readonly killEverySeconds?: number;
  readonly say?: (line: string) => void;
}

export interface SoakResult {
  readonly seed: number;
  readonly seconds: number;
  readonly uploads: { acknowledged: number; refused: number; bytes: number };
  readonly rows: { acknowledged: number; unknown: number };
  readonly reads: { whole: number; refused: number };
  readonly listings: { whole: number; refused: number };
  readonly kills: number;
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Resident memory of the service in its last life, MiB: at most, in its first and last third. */
  readonly memory: { peak: number; firstThird: number; lastThird: number };
  /** What lies in the bucket, by what knows it. */
  readonly bucket: { referenced: number; unreferenced: number; reserved: number; leftOver: string[] };
  readonly openMultiparts: number;
  /** Everything that was not as promised. */
  readonly wrong: string[];
}

/** Small, seeded, good enough. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const listed = 1_500;

const isList = ({ method, url }: Seen): boolean => method === "GET" && url.includes("list-type=2");
const contents = /<Contents>(?:(?!<\/Contents>).)*<\/Contents>/s;

/** Kinds of trouble with their weights; `stall` and `silence` cost half a minute each. */
function troubles(): readonly (readonly [
  name: string,
  weight: number,
  fault: Fault,
  of?: (seen: Seen) => boolean,
])[] {
  const repeated = (text: string): string => text.replace(contents, (one) => one + one);
  const missing = (text: string): string => text.replace(contents, "");
  return [
    ["503", 20, { kind: "status", status: 503, code: "SlowDown" }],
    ["500", 20, { kind: "status", status: 500, code: "InternalError" }],
    ["reset", 20, { kind: "reset" }],
    ["lost reply", 20, { kind: "lostReply" }],
    ["truncated body", 15, { kind: "truncate" }, ({ method }) => method === "GET"],
    ["early truncated body", 5, { kind: "truncate", part: 0.05 }, ({ method }) => method === "GET"],
    ["short body told as whole", 5, { kind: "short" }, ({ method }) => method === "GET"],
    ["silence", 0.4, { kind: "silence" }],
    ["stall", 0.4, { kind: "stall" }, ({ method }) => method === "GET"],
    ["repeated list entries", 60, { kind: "rewrite", body: repeated }, isList],
    ["missing list entries", 60, { kind: "rewrite", body: missing }, isList],
  ];
}

class Soak {
  readonly place = new Place();
  readonly random: () => number;
  readonly faults: Record<string, number> = {};
  readonly uploads = { acknowledged: 0, refused: 0, bytes: 0 };
  readonly rows = { acknowledged: 0, unknown: 0 };
  readonly reads = { whole: 0, refused: 0 };
  readonly listings = { whole: 0, refused: 0 };
  readonly wrong: string[] = [];
  readonly memory: number[] = [];
  /** Digests of what acknowledged rows hold, and of rows that may be there. */
  readonly acknowledged = new Map<number, string>();
  readonly possible = new Map<number, string>();
  kills = 0;
  isOver = false;
  rate = 0.12;
  private next = 1;
  private readonly server: S3Server;
  readonly proxy: FaultProxy;
  readonly options: SoakOptions;

  constructor(options: SoakOptions, server: S3Server, proxy: FaultProxy) {
    this.options = options;
    this.server = server;
    this.proxy = proxy;
    this.random = randomFrom(options.seed);
    proxy.rule = (seen) => this.trouble(seen);
  }

  private trouble(seen: Seen): Fault | undefined {
    if (this.random() >= this.rate) return undefined;
    const fitting = troubles().filter(([, , , of]) => of === undefined || of(seen));
    let at = this.random() * fitting.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight, fault] of fitting) {
      at -= weight;
      if (at > 0) continue;
      this.faults[name] = (this.faults[name] ?? 0) + 1;
      return fault;
    }
    return undefined;
  }

  start(): Promise<unknown> {
    const { protocol, location, driver } = storeOn(this.server, "lab", { endpoint: this.proxy.endpoint });
    const stores = { default: "main", filepath_default: "main", main: { protocol, location, ...driver } };
    return this.place.start({ DJ_STORES: JSON.stringify(stores), HOLDFAST_IDLE_TIMEOUT_MS: "120000" });
  }

  /** Sizes of every order, many small. */
  private size(): number {
    const order = this.random() * 7.4;
    return this.random() < 0.02 ? 0 : Math.floor(10 ** order);
  }

  private here(url: string): string {
    const { pathname, search } = new URL(url);
    return new URL(pathname + search, this.place.url).href;
  }

  /** One value on its way; what is not acknowledged may be sent again, as a client would. */
  private async write(): Promise<void> {
    const id = this.next++;
    const bytes = randomBytes(this.size());
    const digest = sha256(bytes);
    const upload = await createUpload(this.place, "bytes", { sizeBytes: `${bytes.length}`, sha256: digest });
    let isSent = false;
    for (let attempt = 0; attempt < 4 && !isSent && !this.isOver; attempt++) {
      const answer = await put(this.here(upload.url), bytes).catch(() => undefined);
      isSent = answer?.status === 201;
      if (!isSent) await delay(200);
      if (answer?.code === "STORE_CONFLICT" || answer?.code === "UPLOAD_MISMATCH")
        this.wrong.push(
          `upload of row ${id}: the same bytes are refused with ${answer.code}: ${answer.message}`,
        );
    }
    if (!isSent) {
      this.uploads.refused += 1;
      return;
    }
    this.uploads.acknowledged += 1;
    this.uploads.bytes += bytes.length;
    this.possible.set(id, digest);
    const mutation = `mutation ($id: Int!, $upload: ID!) {
      createItem(input: { itemId: $id, pictures: [], bytes: { upload: $upload } }) { item { itemId } } }`;
    const { data } = await this.place.ask(mutation, { id, upload: upload.id });
    if (data === undefined || data === null) this.rows.unknown += 1;
    else {
      this.acknowledged.set(id, digest);
      this.rows.acknowledged += 1;
    }
  }

  private async read(): Promise<void> {
    const ids = [...this.acknowledged.keys()];
    const id = ids[Math.floor(this.random() * ids.length)];
    if (id === undefined) return;
    const found = await this.valueOf(id);
    if (found === "refused") this.reads.refused += 1;
    else if (found === this.acknowledged.get(id)) this.reads.whole += 1;
    else this.wrong.push(`row ${id}, acknowledged, reads as ${found}`);
  }

  /** Digest of a row's bytes; "absent", or "refused" for what a client would ask again. */
  async valueOf(id: number): Promise<string> {
    const { data, errors } = await this.place.ask<{ item: { bytes: { url: string } } | null }>(
      "query ($id: Int!) { item(itemId: $id) { bytes { url } } }",
      { id },
    );
    if (errors !== undefined) return "refused";
    const url = data?.item?.bytes.url;
    if (url === undefined) return "absent";
    const answer = await send(this.here(url));
    if (answer.status === 503 || answer.status === 502) return "refused";
    return answer.status === 200
      ? sha256(answer.bytes)
      : `${answer.status} ${answer.code}: ${answer.message}`;
  }

  /** The driver itself lists through the same trouble: everything, in order, or an error. */
  private async list(): Promise<void> {
    const driver = createS3Driver(storeOn(this.server, "listed", { endpoint: this.proxy.endpoint }), {
      stallMs: 5_000,
    });
    const found: string[] = [];
    try {
      for await (const { path } of driver.list("d/")) found.push(path);
    } catch (error) {
      if (!isServiceError(error, "STORE_UNAVAILABLE")) this.wrong.push(`a listing: ${error}`);
      this.listings.refused += 1;
      return;
    }
    this.listings.whole += 1;
    const isWhole = found.length === listed && found.every((path, index) => path === nameOf(index));
    if (!isWhole) this.wrong.push(`a listing has ${found.length} objects of ${listed}, or another order`);
  }

  async fillListed(): Promise<void> {
    const folder = join(this.server.folder, "listed/d");
    await mkdir(folder, { recursive: true });
    for (let index = 0; index < listed; index++)
      await writeFile(join(this.server.folder, "listed", nameOf(index)), "");
  }

  /** Does it until the end; a service that is away is waited for. */
  async client(work: () => Promise<void>, pauseMs: number): Promise<void> {
    while (!this.isOver) {
      // A connection that the kill broke, or no answer at all: what a client sees of a dead service.
      await work().catch(() => delay(100));
      await delay(pauseMs);
    }
  }

  writer = (): Promise<void> => this.client(() => this.write(), 5);
  reader = (): Promise<void> => this.client(() => this.read(), 20);
  lister = (): Promise<void> => this.client(() => this.list(), 300);

  async killer(untilMs: number): Promise<void> {
    const every = (this.options.killEverySeconds ?? 20) * 1000;
    for (;;) {
      const pause = every * (0.5 + this.random());
      if (performance.now() + pause > untilMs) return;
      await delay(pause);
      await this.place.service.end("SIGKILL");
      this.kills += 1;
      this.memory.length = 0;
      await this.startAgain();
    }
  }

  /** The start reads the store's marker through the same trouble, and goes on where it fails. */
  private async startAgain(): Promise<void> {
    await this.start().catch((error: unknown) => {
      this.wrong.push(`the service did not start again: ${error}`);
      this.isOver = true;
    });
  }

  watchMemory(): NodeJS.Timeout {
    return setInterval(() => {
      const file = `/proc/${this.place.service.child.pid}/status`;
      if (!existsSync(file)) return;
      const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(file, "utf8"))?.[1];
      if (kib !== undefined) this.memory.push(Number(kib) / 1024);
    }, 500);
  }

  /** Every acknowledged row has its bytes, and every row there has some client's. */
  async compare(): Promise<void> {
    for (const [id, digest] of this.possible) {
      const found = await this.valueOf(id);
      const isRight = found === digest || (found === "absent" && !this.acknowledged.has(id));
      if (!isRight) this.wrong.push(`row ${id} is ${found}`);
    }
  }

  async bucket(): Promise<SoakResult["bucket"]> {
    const { databaseUrl } = JSON.parse(readFileSync(join(this.place.data, "server.json"), "utf8"));
    const db = new pg.Client({ connectionString: databaseUrl });
    await db.connect();
    const pathsOf = async (sql: string): Promise<Set<string>> => {
      const { rows } = await db.query<{ path: string }>(sql);
      return new Set(rows.map(({ path }) => path));
    };
    const objects = await pathsOf("SELECT split_part(locator, ':', 2) AS path FROM holdfast.object");
    const held = await pathsOf(`SELECT split_part(locator, ':', 2) AS path FROM lab."~object"`);
    const reserved = await pathsOf("SELECT split_part(locator, ':', 2) AS path FROM holdfast.upload");
    await db.end();
    const found = { referenced: 0, unreferenced: 0, reserved: 0, leftOver: [] as string[] };
    const there = new Set<string>();
    for await (const { path } of createS3Driver(storeOn(this.server, "lab")).list("")) {
      there.add(path);
      if (path.startsWith("_obj/")) continue;
      if (held.has(path)) found.referenced += 1;
      else if (objects.has(path)) found.unreferenced += 1;
      else if (reserved.has(path)) found.reserved += 1;
      else found.leftOver.push(path);
    }
    for (const path of objects) if (!there.has(path)) this.wrong.push(`${path} is registered and not there`);
    return found;
  }

  memoryResult(): SoakResult["memory"] {
    const third = Math.ceil(this.memory.length / 3);
    const most = (some: readonly number[]): number => Math.round(Math.max(0, ...some));
    const memory = {
      peak: most(this.memory),
      firstThird: most(this.memory.slice(0, third)),
      lastThird: most(this.memory.slice(-third)),
    };
    if (memory.lastThird > memory.firstThird * 1.3 + 50)
      this.wrong.push(`memory grows: ${memory.firstThird} MiB, then ${memory.lastThird} MiB`);
    return memory;
  }
}

function nameOf(index: number): string {
  return `d/${String(index).padStart(5, "0")}`;
}

/** Runs it; what is not as promised is told in `wrong`. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { seconds, seed, clients = 4, say = () => undefined } = options;
  const server = await startS3();
  const proxy = await startProxy(server.endpoint);
  const run = new Soak(options, server, proxy);
  try {
    await run.fillListed();
    const { rate } = run;
    run.rate = 0;
    await run.start();
    run.rate = rate;
    const watch = run.watchMemory();
    const begin = performance.now();
    const work = [
      ...Array.from({ length: clients }, run.writer),
      ...Array.from({ length: clients }, run.reader),
      run.lister(),
      run.killer(begin + seconds * 750),
    ];
    for (let told = begin; performance.now() - begin < seconds * 1000 && !run.isOver; await delay(200)) {
      if (performance.now() - told < 30_000) continue;
      told = performance.now();
      const { uploads, reads, kills, wrong } = run;
      say(
        `${Math.round((told - begin) / 1000)} s ${JSON.stringify({ uploads, reads, kills, wrong: wrong.length })}`,
      );
    }
    run.isOver = true;
    await Promise.all(work);
    clearInterval(watch);
    const memory = run.memoryResult();
    run.rate = 0;
    await run.compare();
    const bucket = await run.bucket();
    const { Uploads = [] } = await server.client.send(
      new ListMultipartUploadsCommand({ Bucket: server.bucket }),
    );
    const { uploads, rows, reads, listings, kills, faults, wrong } = run;
    const requests = proxy.seen.length;
    const openMultiparts = Uploads.length;
    return {
      seed,
      seconds,
      uploads,
      rows,
      reads,
      listings,
      kills,
      requests,
      faults,
      memory,
      bucket,
      openMultiparts,
      wrong,
    };
  } finally {
    await run.place.close();
    await proxy.close();
    await server.close();
  }
}
