/**
 * DataJoint-Python inserts, deletes and inserts again, and Holdfast's API does, while a collector takes away at once what nothing refers to.
 * Rows are read all the time, and all of them in the end, by the peer.
 */

import { randomFrom } from "../collector/drill/random.ts";
import { type ApiCounts, writeThroughApi } from "./api-writer.ts";
import { Journal, type Wanted } from "./journal.ts";
import { runPeer, type Said } from "./peer.ts";
import { openPlaces, type Places } from "./places.ts";
import { comeToRest, keepCollecting, newRounds, type Rounds, setPolicy } from "./rounds.ts";

export interface BesideOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Whose collector: the peer's is the control, and expected to lose. */
  readonly collector: "holdfast" | "datajoint";
  readonly say?: (line: string) => void;
}

export interface BesideResult {
  readonly seed: number;
  readonly seconds: number;
  readonly collector: "holdfast" | "datajoint";
  readonly stores: readonly string[];
  readonly inserted: number;
  /** Deletes that were answered; a row that two have deleted counts twice. */
  readonly deleted: number;
  /** Objects that the collector killed; of those, keys that were used again and killed once more; deletions of files by the peer's collector. */
  readonly killed: number;
  readonly killedAgain: number;
  readonly deletedByPeer: number;
  /** Times that a writer was told to come again, by SQLSTATE or code. */
  readonly retries: Readonly<Record<string, number>>;
  /** Of them, what was not done in the end. */
  readonly gaveUp: number;
  readonly rounds: Rounds;
  /** Rows that were read while it ran. */
  readonly reads: number;
  /** Rows that missed bytes when they were read, and the seconds after which they had them. */
  readonly missing: number;
  readonly healedSeconds: readonly number[];
  /** Rows that missed bytes and were deleted before they had them. */
  readonly vanished: number;
  /** Rows that missed bytes for longer than `patienceSeconds`. */
  readonly patienceSeconds: number;
  readonly late: readonly string[];
  /** In the end. */
  readonly rows: number;
  readonly lost: readonly string[];
  readonly leaked: readonly string[];
  readonly wrong: readonly string[];
}

/** Processes of the peer that write. */
const writers = 3;
/** Rows of the API have numbers from here on. */
const apiFirst = 900_000_000;
const keep = "45 s";
const drain = "1 s";

export async function beside(options: BesideOptions): Promise<BesideResult> {
  const places = await openPlaces();
  try {
    return await new Beside(places, options).run();
  } catch (error) {
    throw new Error(`${places.service.log().slice(-3000)}\n${places.collector.log().slice(-3000)}`, {
      cause: error,
    });
  } finally {
    await places.close();
  }
}

class Beside {
  readonly #places: Places;
  readonly #options: BesideOptions;
  readonly #journal = new Journal();
  readonly #rounds = newRounds();
  readonly #retries: Record<string, number> = {};
  readonly #healed: number[] = [];
  readonly #late: string[] = [];
  readonly #patience: number;
  #missing = 0;
  #gaveUp = 0;
  #vanished = 0;
  #reads = 0;
  #deletedByPeer = 0;

  constructor(places: Places, options: BesideOptions) {
    this.#places = places;
    this.#options = options;
    this.#patience = options.collector === "holdfast" ? 30 : 3;
  }

  async run(): Promise<BesideResult> {
    await setPolicy(this.#places, { drain, keep });
    const api = await this.#load();
    const isOurs = this.#options.collector === "holdfast";
    const leaked = isOurs ? await comeToRest(this.#places, this.#rounds) : [];
    const rows = await this.#readAll();
    const { lost, wrong } = this.#journal.compare(rows);
    return {
      seed: this.#options.seed,
      seconds: this.#options.seconds,
      collector: this.#options.collector,
      stores: [...this.#places.stores.keys()],
      inserted: this.#journal.inserted,
      deleted: this.#journal.deleted,
      ...(await this.#kills()),
      deletedByPeer: this.#deletedByPeer,
      retries: { ...this.#retries, ...api.refused },
      gaveUp: this.#gaveUp,
      rounds: this.#rounds,
      reads: this.#reads,
      missing: this.#missing,
      healedSeconds: this.#healed,
      vanished: this.#vanished,
      patienceSeconds: this.#patience,
      late: this.#late,
      rows: rows.length,
      lost,
      leaked,
      wrong: [...wrong, ...api.wrong, ...this.#rounds.failed],
    };
  }

  /** Everybody at once; the collector goes on until the last row that missed something was looked at. */
  async #load(): Promise<ApiCounts> {
    const { seed, seconds, collector } = this.#options;
    const until = performance.now() + seconds * 1000;
    const hear = (said: Said): void => this.#hear(said);
    let isOver = false;
    const teller = setInterval(() => this.#tell(), 15_000);
    const collecting =
      collector === "holdfast"
        ? keepCollecting(this.#places, this.#rounds, () => !isOver)
        : runPeer(this.#places, "collect", { seconds: seconds + 1 }, hear);
    const writing = Array.from({ length: writers }, (_, lane) =>
      runPeer(
        this.#places,
        "write",
        { seconds, seed: seed + lane, first: (lane + 1) * 10_000_000, others: apiFirst },
        hear,
      ),
    );
    const sampling = runPeer(
      this.#places,
      "sample",
      { seconds, seed: seed + writers, patience: this.#patience },
      hear,
    );
    const api = writeThroughApi(this.#places, {
      journal: this.#journal,
      random: randomFrom(seed),
      first: apiFirst,
      isOpen: () => performance.now() < until,
    });
    const ended = await Promise.allSettled([api, sampling, ...writing]);
    isOver = true;
    clearInterval(teller);
    const last = await Promise.allSettled([collecting]);
    for (const one of [...ended, ...last]) if (one.status === "rejected") throw one.reason;
    return await api;
  }

  #tell(): void {
    const { collects, checks } = this.#rounds;
    const done = `${this.#journal.inserted} rows in, ${this.#journal.deleted} out`;
    const runs = `${collects} collections, ${checks} checks`;
    this.#options.say?.(`${done}; ${runs}; ${this.#missing} missing, ${this.#late.length} for too long`);
  }

  #hear(said: Said): void {
    const { event } = said;
    const table = String(said["table"]);
    const id = Number(said["id"]);
    if (event === "begin") this.#journal.note("begun", table, id, said["wanted"] as Wanted);
    else if (event === "there" || event === "going" || event === "gone") this.#journal.note(event, table, id);
    else if (event === "retry") {
      const code = String(said["code"]);
      this.#retries[code] = (this.#retries[code] ?? 0) + 1;
    } else if (event === "missing") {
      this.#missing += 1;
      this.#options.say?.(`${table} ${id} misses bytes: ${said["what"]}`);
    } else if (event === "gave-up") this.#gaveUp += 1;
    else if (event === "healed") this.#healed.push(Number(said["seconds"]));
    else if (event === "vanished") this.#vanished += 1;
    else if (event === "late") {
      const told = `${table} ${id}: ${said["first"]}; now ${said["now"]}`;
      this.#late.push(told.replaceAll(`${this.#places.folder}/`, ""));
    } else if (event === "sampled") this.#reads = Number(said["reads"]);
    else if (event === "collected") this.#deletedByPeer += Number(said["deleted"]);
  }

  /** Without the folder of this run, which says nothing. */
  #placeless(told: string | null): string | null {
    return told?.replaceAll(`${this.#places.folder}/`, "") ?? null;
  }

  async #readAll(): Promise<{ table: string; id: number; wanted: Wanted; wrong: string | null }[]> {
    const rows: { table: string; id: number; wanted: Wanted; wrong: string | null }[] = [];
    await runPeer(this.#places, "read", {}, (said) =>
      rows.push({
        table: String(said["table"]),
        id: Number(said["id"]),
        wanted: said["wanted"] as Wanted,
        wrong: this.#placeless(said["wrong"] as string | null),
      }),
    );
    return rows;
  }

  async #kills(): Promise<{ killed: number; killedAgain: number }> {
    const { rows } = await this.#places.db.query<{ killed: number; again: number }>(
      `SELECT coalesce(sum(times), 0)::int AS killed, count(*) FILTER (WHERE times > 1)::int AS again
       FROM (SELECT count(*) AS times FROM holdfast.audit WHERE step = 'kill' GROUP BY locator) found`,
    );
    return { killed: rows[0]?.killed ?? 0, killedAgain: rows[0]?.again ?? 0 };
  }
}
