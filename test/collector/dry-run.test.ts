/** I14: a dry run tells what a run on the same snapshot does, and both do what a plain model of the protocol says. */

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CollectReport, Decision, StepCounts } from "../../src/collector/contract.ts";
import { Stage, type State, type World } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

const schemas = ["lab", "x"] as const;
const tables = ["lab.t", "lab.u", "x.t"] as const;
const stores = ["cold", "main"] as const;
const ages = [undefined, "1 day", "30 days", "-infinity"] as const;

interface Situation {
  readonly graces: Readonly<Record<(typeof stores)[number], string>>;
  readonly objects: readonly State[];
  readonly tombstones: number;
}

const situations: fc.Arbitrary<Situation> = fc.record({
  graces: fc.record({ cold: fc.constantFrom("0", "7 days"), main: fc.constantFrom("0", "7 days") }),
  objects: fc.array(
    fc
      .record({
        store: fc.constantFrom(...stores),
        held: fc.subarray([...schemas]),
        rows: fc.subarray([...tables]),
        age: fc.constantFrom(...ages),
        size: fc.nat(100),
      })
      .map(({ age, ...state }) => ({ ...state, ...(age === undefined ? {} : { condemned: age }) })),
    { maxLength: 12 },
  ),
  tombstones: fc.nat(3),
});

async function set(w: World, { graces, objects, tombstones }: Situation): Promise<void> {
  for (const store of stores) await w.on(graces[store], store);
  for (const [at, state] of objects.entries()) await w.put(`k${String(at).padStart(2, "0")}`, state);
  await w.db.query(
    "INSERT INTO holdfast.tombstone (locator, tree, size) SELECT 'main:_hash/lab/dead' || n, false, 5 FROM generate_series(1, $1::int) n",
    [tombstones],
  );
}

/** Step and key of every decision that the protocol asks for. */
function expected({ graces, objects }: Situation): string[] {
  return objects.flatMap((state, at) => {
    const { store = "main", held = [], rows = [], condemned } = state;
    const name = `${store} k${String(at).padStart(2, "0")}`;
    const inUse = schemas.filter((schema) => rows.some((table) => table.startsWith(`${schema}.`)));
    const told = held.filter((schema) => !inUse.includes(schema as "lab")).map(() => `release ${name}`);
    if (inUse.length > 0) return condemned === undefined ? told : [...told, `clear ${name}`];
    const isZero = graces[store as "main"] === "0";
    if (condemned === undefined) told.push(`condemn ${name}`, ...(isZero ? [`kill ${name}`] : []));
    else told.push(isZero || condemned !== "1 day" ? `kill ${name}` : `keep ${name}`);
    return told;
  });
}

const ofRows = new Set(["release", "condemn", "clear", "kill", "keep"]);

function told(decisions: readonly Decision[]): string[] {
  return decisions
    .filter(({ step }) => ofRows.has(step))
    .map(({ step, store, locator }) => `${step} ${store} ${locator.split("/").at(-1)}`)
    .toSorted();
}

function counted(report: CollectReport): Partial<StepCounts>[] {
  return report.stores.map(({ counts: { release, condemn, clear, kill, kept, inGrace } }) => {
    return { release, condemn, clear, kill, kept, inGrace };
  });
}

test("a dry run tells what the run then does, which is what the protocol says", async () => {
  await fc.assert(
    fc.asyncProperty(situations, (situation) =>
      stage.play(async (w) => {
        await set(w, situation);
        const before = await w.rows("SELECT * FROM holdfast.object ORDER BY locator");
        const dry = await w.told({ apply: false });
        expect(await w.rows("SELECT * FROM holdfast.object ORDER BY locator")).toEqual(before);
        expect(await w.count("holdfast.audit")).toBe(0);
        const wet = await w.told();
        expect(told(dry.decisions)).toEqual(expected(situation).toSorted());
        expect(told(wet.decisions)).toEqual(told(dry.decisions));
        expect(counted(wet.report)).toEqual(counted(dry.report));
        const hide = dry.report.stores.map(({ counts }) => counts.hide - counts.kill);
        expect(hide).toEqual([0, situation.tombstones]);
        await w.expectSound();
      }),
    ),
    { numRuns: 60 },
  );
}, 240_000);

test("of bytes it tells what is due: hidden, purged, reaped", () =>
  stage.play(async (w) => {
    await w.on("7 days");
    await w.db.query(
      `INSERT INTO holdfast.tombstone (locator, tree, size, claim_until, hidden_at, purge_after) VALUES
         ('main:a', false, 1, NULL, NULL, NULL), ('main:b', false, 2, now() + interval '1 h', NULL, NULL),
         ('main:c', false, 4, now() - interval '1 h', NULL, NULL), ('main:d', false, 8, now(), now() - interval '2 h', now() - interval '1 h'),
         ('main:e', false, 16, now(), now() - interval '2 h', now() + interval '1 h'), ('cold:f', false, 32, NULL, NULL, NULL);
       INSERT INTO holdfast.upload (locator, expires_at) VALUES ('main:g', now() - interval '1 h'), ('main:h', now() + interval '1 h')`,
    );
    const { report, decisions } = await w.told({ apply: false, stores: ["main"] });
    expect(report.stores[0]?.counts).toMatchObject({
      hide: 2,
      hiddenBytes: 5,
      purge: 1,
      purgedBytes: 8,
      reap: 1,
      kept: 1,
    });
    expect(decisions.map(({ step, locator }) => `${step} ${locator}`)).toEqual([
      "hide main:a",
      "hide main:c",
      "purge main:d",
      "reap main:g",
    ]);
  }));
