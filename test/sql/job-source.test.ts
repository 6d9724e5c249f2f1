/** The keys that a table should have, on random models and rows, against all combinations of the parents' rows. */

import "../support/seed.ts";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { applyModel } from "../../src/db/apply.ts";
import { connect } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { declareJobs, jobTableWanted, lookForJobs } from "../../src/sql/job/declare.ts";
import { addJobs, removeVanished, returnUndone } from "../../src/sql/job/refresh.ts";
import { jobSubjects } from "../../src/sql/job/subject.ts";
import { freshDatabase } from "../support/database.ts";
import { model as modelOf } from "../support/sdl.ts";

const url = await freshDatabase();
await migrate(url);
const db = await connect(url);
afterAll(() => db.close());

/** Parents and the columns of their keys; all are numbers of 0 to 2. */
const parents = { A: ["a"], B: ["b"], C: ["a", "k"], D: ["a", "b"] } as const;
type Parent = keyof typeof parents;
const names = ["x", "y", "z"];

interface Case {
  /** References of the table: parent, and its columns' names there. */
  readonly references: readonly (readonly [Parent, readonly string[]])[];
  readonly hasOwnKey: boolean;
  readonly rows: Readonly<Record<"A" | "B" | "C" | "D", readonly (readonly number[])[]>>;
  /** Which keys have a row, a job, and of which kind. */
  readonly made: readonly boolean[];
  readonly jobs: readonly ("none" | "pending" | "success" | "error" | "ignore" | "reserved")[];
}

const reference = fc
  .tuple(
    fc.constantFrom<Parent>("A", "B", "C", "D"),
    fc.shuffledSubarray(names, { minLength: 2, maxLength: 2 }),
  )
  .map(([parent, columns]) => [parent, columns.slice(0, parents[parent].length)] as const);
const digits = (length: number) => fc.array(fc.nat({ max: 2 }), { minLength: length, maxLength: length });
const some = (length: number) => fc.uniqueArray(digits(length), { maxLength: 6, selector: String });

const cases: fc.Arbitrary<Case> = fc.record({
  references: fc.uniqueArray(reference, { minLength: 1, maxLength: 3, selector: String }),
  hasOwnKey: fc.boolean(),
  rows: fc.record({
    A: fc.constant([[0], [1], [2]]),
    B: fc.constant([[0], [1], [2]]),
    C: some(2),
    D: some(2),
  }),
  made: fc.array(fc.boolean(), { minLength: 27, maxLength: 27 }),
  jobs: fc.array(fc.constantFrom("none", "pending", "success", "error", "ignore", "reserved"), {
    minLength: 27,
    maxLength: 27,
  }),
});

function sdlOf({ references, hasOwnKey }: Case, schema: string): string {
  const fields = references.map(
    ([parent, columns], at) =>
      `r${at}: ${parent}! @key @reference(columns: ${JSON.stringify(columns)}) @reverse(name: "back${at}")`,
  );
  return `extend schema @database(schema: "${schema}")
    type A @table { a: Int! @key }  type B @table { b: Int! @key }
    type C @table { refA: A! @key @reference(columns: ["a"])  k: Int! @key }
    type D @table { refA: A! @key @reference(columns: ["a"])  refB: B! @key @reference(columns: ["b"]) }
    type Made @table(tier: COMPUTED) { ${fields.join("  ")} ${hasOwnKey ? "own: Int! @key" : ""} v: Int }`;
}

/** Every consistent choice of one row of each parent. */
function naive({ references, rows }: Case): ReadonlyMap<string, Readonly<Record<string, number>>> {
  let found: Record<string, number>[] = [{}];
  for (const [parent, columns] of references) {
    found = found.flatMap((key) =>
      rows[parent].flatMap((row) => {
        const own = Object.fromEntries(columns.map((name, at) => [name, row[at] ?? -1]));
        return columns.every((name) => (key[name] ?? own[name]) === own[name]) ? [{ ...key, ...own }] : [];
      }),
    );
  }
  return new Map(found.map((key) => [textOf(key), key]));
}

const textOf = (key: Readonly<Record<string, unknown>>): string =>
  names.map((name) => (name in key ? `${name}${String(key[name])}` : "")).join("");

let number = 0;

test("a job for each combination of parents without row and job; none goes that has a parent", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const schema = `s${++number}`;
      const model = modelOf(sdlOf(one, schema));
      await applyModel(db, model);
      const [subject] = jobSubjects(model);
      if (subject === undefined) throw new Error("no jobs");
      const insert = (table: string, row: Readonly<Record<string, unknown>>) =>
        db.query(
          `INSERT INTO ${schema}."${table}" (${Object.keys(row).join()}) VALUES (${Object.values(row)
            .map((value) => `'${String(value)}'`)
            .join()})`,
        );
      for (const parent of ["A", "B", "C", "D"] as const)
        for (const row of one.rows[parent])
          await insert(
            parent.toLowerCase(),
            Object.fromEntries(parents[parent].map((name, at) => [name, row[at]])),
          );
      for (const statement of declareJobs(jobTableWanted(model, subject), { hasType: false }))
        await db.query(statement);
      const { rows: looked } = await db.query<{ columns: string[] }>(lookForJobs(subject));
      expect(looked[0]?.columns.slice(0, subject.key.length)).toEqual(subject.key.map(({ name }) => name));

      const source = naive(one);
      const made = new Set<string>();
      const jobs = new Map<string, string>();
      for (const [at, [text, key]] of [...source].entries()) {
        if (one.made[at] === true) {
          made.add(text);
          for (const own of one.hasOwnKey ? [0, 1] : [undefined])
            await insert("__made", { ...key, ...(own === undefined ? {} : { own }) });
        }
        const status = one.jobs[at] ?? "none";
        if (status === "none") continue;
        jobs.set(text, status);
        await insert("~~made", { ...key, status, priority: 1 });
      }
      // One whose key no parent has.
      const stray = Object.fromEntries(subject.key.map(({ name }) => [name, 9]));
      await insert("~~made", { ...stray, status: "error", priority: 1 });

      const added = await db.query(addJobs(model, subject), ["UTC", 7, 0]);
      const undone = await db.query(returnUndone(model, subject), ["UTC"]);
      const removed = await db.query(removeVanished(model, subject), ["UTC", 3600]);
      const fresh = [...source.keys()].filter((text) => !made.has(text) && !jobs.has(text));
      const again = [...jobs].filter(([text, status]) => status === "success" && !made.has(text));
      expect([added.rowCount, undone.rowCount, removed.rowCount]).toEqual([fresh.length, again.length, 1]);
      for (const text of fresh) jobs.set(text, "pending");
      for (const [text] of again) jobs.set(text, "pending");
      const { rows } = await db.query(`SELECT * FROM ${schema}."~~made"`);
      expect(new Map(rows.map((row) => [textOf(row), row["status"]]))).toEqual(jobs);
      await db.query(`DROP SCHEMA ${schema} CASCADE`);
    }),
    { numRuns: 25 },
  );
});
