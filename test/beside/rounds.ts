/** Collecting and checking without a pause, through the system API, until the writers have ended; and coming to rest afterwards. */

import { setTimeout as delay } from "node:timers/promises";
import { askSystem, filesIn, type Places } from "./places.ts";

type Counts = Record<string, number>;

/** What runs of the collector have come to. */
export interface Rounds {
  collects: number;
  checks: number;
  /** Sums over all runs and stores, by step. */
  readonly steps: Counts;
  /** Found by checks, by kind. */
  readonly found: Counts;
  /** Why a run deleted nothing, by code. */
  readonly doubts: Counts;
  readonly failed: string[];
}

export const newRounds = (): Rounds => ({
  collects: 0,
  checks: 0,
  steps: {},
  found: {},
  doubts: {},
  failed: [],
});

interface Run {
  readonly id: string;
  readonly state: string;
  readonly error: string | null;
  readonly doubts: readonly { readonly code: string; readonly message: string }[];
  readonly collected: readonly { readonly counts: Counts }[] | null;
  readonly checked: readonly { readonly found: Counts }[] | null;
}

const selection = `id state error doubts { code message }
  collected { counts { release condemn clear kill hide purge reap } } checked { found }`;

async function runToEnd(url: string, mutation: string): Promise<Run> {
  let { run } = await askSystem<{ run: Run }>(url, `mutation { run: ${mutation} { ${selection} } }`);
  const look = `query ($id: ID!) { run: collectorRun(id: $id) { ${selection} } }`;
  while (run.state === "RUNNING") {
    await delay(300);
    ({ run } = await askSystem<{ run: Run }>(url, look, { id: run.id }));
  }
  return run;
}

function add(sums: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) if (count > 0) sums[name] = (sums[name] ?? 0) + count;
}

function note(rounds: Rounds, run: Run): readonly string[] {
  for (const { code } of run.doubts) add(rounds.doubts, { [code]: 1 });
  for (const { counts } of run.collected ?? []) add(rounds.steps, counts);
  for (const { found } of run.checked ?? []) add(rounds.found, found);
  if (run.state === "FAILED") rounds.failed.push(`run ${run.id}: ${run.error ?? JSON.stringify(run.doubts)}`);
  return run.doubts.map(({ code, message }) => `doubt ${code}: ${message}`);
}

async function collectOnce({ collector }: Places, rounds: Rounds): Promise<readonly string[]> {
  rounds.collects += 1;
  return note(rounds, await runToEnd(collector.url, "collect(input: {apply: true, confirm: true})"));
}

async function checkOnce({ service }: Places, rounds: Rounds): Promise<readonly string[]> {
  rounds.checks += 1;
  return note(rounds, await runToEnd(service.url, "fsck(input: {apply: true})"));
}

/** Two loops at once, of two processes: one collects, one checks and heals. */
export async function keepCollecting(places: Places, rounds: Rounds, isOpen: () => boolean): Promise<void> {
  const loop = async (work: () => Promise<unknown>, pauseMs: number): Promise<void> => {
    while (isOpen()) {
      await work();
      await delay(pauseMs);
    }
  };
  await Promise.all([
    loop(() => collectOnce(places, rounds), 50),
    loop(() => checkOnce(places, rounds), 1500),
  ]);
}

/** No grace, and a trash that is emptied while the run lasts; the drain is one that no user may set. */
export async function setPolicy(
  { db, stores }: Places,
  policy: { readonly drain: string; readonly keep: string },
): Promise<void> {
  await db.query(
    "UPDATE holdfast.store SET gc = 'on', grace = '0', drain = $1::interval, keep = $2::interval WHERE name = ANY ($3)",
    [policy.drain, policy.keep, [...stores.keys()]],
  );
}

/** All that has a time has it behind it; a few rounds; then the bytes that rows refer to are all there is. Answers what is too many. */
export async function comeToRest(places: Places, rounds: Rounds): Promise<readonly string[]> {
  await setPolicy(places, { drain: "0", keep: "0" });
  let left: readonly string[] = [];
  for (let round = 0; round < 12; round++) {
    await places.db.query(
      `UPDATE holdfast.upload SET expires_at = expires_at - interval '2 days' WHERE expires_at > '-infinity';
       UPDATE holdfast.upload_detail SET expires_at = expires_at - interval '2 days';
       UPDATE holdfast.tombstone SET claim_until = claim_until - interval '1 day' WHERE claim_until IS NOT NULL;
       UPDATE holdfast.tombstone SET hidden_at = hidden_at - interval '1 day', purge_after = purge_after - interval '1 day'
         WHERE hidden_at IS NOT NULL`,
    );
    const doubts = [...(await collectOnce(places, rounds)), ...(await checkOnce(places, rounds))];
    left = [...doubts, ...(await leftOver(places))];
    if (left.length === 0) return left;
  }
  return [...left, ...saidOf(places, left)];
}

/** The last lines of the collector's log about objects that are left. */
function saidOf({ collector }: Places, left: readonly string[]): string[] {
  const lines = collector.log().split("\n");
  const locators = new Set(left.flatMap((one) => one.match(/\S+:\S+/g) ?? []));
  return [...locators].flatMap((locator) => lines.filter((line) => line.includes(locator)).slice(-2));
}

/** By the rows and the disk alone, beside the tables of the protocol. */
async function leftOver(places: Places): Promise<string[]> {
  const { db, stores } = places;
  const referenced = await referencedBy(places);
  const { rows } = await db.query<{ locator: string; what: string }>(
    `SELECT locator, 'object' AS what FROM holdfast.object UNION ALL SELECT locator, 'tombstone' FROM holdfast.tombstone
     UNION ALL SELECT locator, 'upload' FROM holdfast.upload`,
  );
  const left = rows
    .filter(({ locator, what }) => what !== "object" || !referenced.has(locator))
    .map(({ locator, what }) => `${what} ${locator} is left`);
  for (const [store, root] of stores)
    for (const path of filesIn(root))
      if (!path.startsWith("_obj/") && !isOwned(`${store}:${path}`, referenced))
        left.push(`${store}:${path} is left`);
  return left;
}

function isOwned(locator: string, referenced: ReadonlySet<string>): boolean {
  if (referenced.has(locator.replace(/\.manifest\.json$/, ""))) return true;
  for (let at = locator.lastIndexOf("/"); at > 0; at = locator.lastIndexOf("/", at - 1))
    if (referenced.has(locator.slice(0, at))) return true;
  return false;
}

async function referencedBy({ db, tables }: Places): Promise<Set<string>> {
  const each = [...tables.keys()].flatMap((table) =>
    ["blob", "file", "array", "tree"].map(
      (field) =>
        `SELECT ("${field}"->>'store') || ':' || ("${field}"->>'path') AS locator FROM lab.${table} WHERE "${field}" IS NOT NULL`,
    ),
  );
  const { rows } = await db.query<{ locator: string }>(each.join(" UNION "));
  return new Set(rows.map(({ locator }) => locator));
}
