/** Writes and deletes rows through Holdfast's API, of the same contents as the peer. */

import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { graphql } from "../acceptance/support/process.ts";
import { pickFrom, type Random } from "../collector/drill/random.ts";
import type { Journal } from "./journal.ts";
import type { Places } from "./places.ts";

const contents = 8;
const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const textOf = (n: number): string => `content ${n} `.repeat(400 * (1 + (n % 4)));

/** Inputs and digests, as peer.py has them. */
const values = {
  blob: (n: number) => {
    const json = { number: n, text: textOf(n) };
    return { input: { json }, digest: sha256(JSON.stringify(json)) };
  },
  file: (n: number) => ({
    input: { text: { name: `content-${n}.txt`, content: textOf(n) } },
    digest: sha256(textOf(n)),
  }),
  array: (n: number) => {
    const data = new Array<number>(2000).fill(n);
    const digest = sha256(Buffer.from(Int32Array.from(data).buffer));
    return { input: { values: { dtype: "int32", shape: [40, 50], data } }, digest };
  },
} as const;

const typeNames: Readonly<Record<string, string>> = { item: "Item", cloud_item: "CloudItem" };

/** What it has done. */
export interface ApiCounts {
  created: number;
  deleted: number;
  /** Answers that ask for another try, by code. */
  readonly refused: Record<string, number>;
  readonly wrong: string[];
}

interface Writing {
  readonly places: Places;
  readonly journal: Journal;
  readonly random: Random;
  readonly counts: ApiCounts;
  readonly live: { table: string; id: number }[];
  next: number;
}

export async function writeThroughApi(
  places: Places,
  {
    journal,
    random,
    first,
    isOpen,
  }: { journal: Journal; random: Random; first: number; isOpen: () => boolean },
): Promise<ApiCounts> {
  const counts: ApiCounts = { created: 0, deleted: 0, refused: {}, wrong: [] };
  const writing: Writing = { places, journal, random, counts, live: [], next: first };
  while (isOpen()) {
    if (writing.live.length > 4 || (writing.live.length > 0 && random(2) === 0)) await remove(writing);
    else await create(writing);
    await delay(random(60));
  }
  return counts;
}

async function create(writing: Writing): Promise<void> {
  const { places, journal, random, counts, live } = writing;
  const table = pickFrom(random, [...places.tables.keys()]);
  const id = ++writing.next;
  const input: Record<string, unknown> = {};
  const wanted: Record<string, string> = {};
  for (const [name, make] of Object.entries(values)) {
    if (random(10) < 4) continue;
    const value = make(random(contents));
    input[name] = value.input;
    wanted[name] = value.digest;
  }
  const type = typeNames[table];
  const mutation = `mutation ($input: Create${type}Input!) { done: create${type}(input: $input) { affected { count } } }`;
  journal.note("begun", table, id, wanted);
  if (!(await answered(writing, mutation, { input: { itemId: id, wanted, ...input } }))) return;
  journal.note("there", table, id, wanted);
  counts.created += 1;
  live.push({ table, id });
}

async function remove(writing: Writing): Promise<void> {
  const { journal, random, counts, live } = writing;
  const [row] = live.splice(random(live.length), 1);
  if (row === undefined) return;
  journal.note("going", row.table, row.id);
  const type = typeNames[row.table];
  const mutation = `mutation ($key: ${type}Key!) { done: delete${type}(key: $key) { affected { count } } }`;
  if (!(await answered(writing, mutation, { key: { itemId: row.id } }))) return;
  journal.note("gone", row.table, row.id);
  counts.deleted += 1;
}

/** The same request until it is answered; false: there is nothing to delete, as the peer was faster. */
async function answered({ places, counts }: Writing, mutation: string, variables: object): Promise<boolean> {
  for (;;) {
    const { errors } = await graphql(places.service.url, mutation, variables);
    if (errors === undefined) return true;
    const { code, retryable } = errors[0]?.extensions ?? {};
    if (code === "NOT_FOUND") return false;
    if (retryable !== true) {
      counts.wrong.push(JSON.stringify(errors).slice(0, 500));
      return false;
    }
    counts.refused[String(code)] = (counts.refused[String(code)] ?? 0) + 1;
    await delay(200);
  }
}
