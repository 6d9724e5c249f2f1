/** What DataJoint wrote, adopted, adopted again, and given back: to the byte what it was. */

import { beforeAll, describe, expect, it } from "vitest";
import { planUndo } from "../../src/adopt/undo.ts";
import { applyModel, isApplied, planModel } from "../../src/db/apply.ts";
import { readSchemas } from "../../src/db/read-schemas.ts";
import { introspect } from "../../src/introspect/introspect.ts";
import { schemaState } from "../support/schema-state.ts";
import { model, modelContext } from "../support/sdl.ts";
import { type AdoptLaboratory, adoptLaboratory, peerSchemas } from "./laboratory.ts";

const fixtures: readonly (readonly [folder: string, schemas: readonly string[], hasRows: boolean])[] = [
  ["datajoint", peerSchemas, true],
  ["datajoint-nasty", ["djn_core", "djn_acq", "djn_proc"], false],
];

describe.each(fixtures)("the peer's schemas of %s", (folder, schemas, hasRows) => {
  let lab: AdoptLaboratory;
  let before: readonly string[];

  beforeAll(async () => {
    lab = await adoptLaboratory(folder, schemas);
    before = await schemaState(lab.db, schemas);
  });

  const described = async () => {
    const { text } = introspect(await readSchemas(lab.db, schemas), schemas, modelContext);
    return model(text);
  };
  const columnsOf = (report: Awaited<ReturnType<AdoptLaboratory["plan"]>>) =>
    report.tables.flatMap(({ schema, table, columns }) =>
      columns.map(({ column, state }) => [`${schema}.${table}.${column}`, state] as const),
    );

  it("are looked at without a change", async () => {
    const report = await lab.plan();
    expect(report.tables.flatMap(({ obstacles }) => obstacles)).toEqual([]);
    expect(new Set(columnsOf(report).map(([, state]) => state))).toEqual(new Set(["not adopted"]));
    expect(await schemaState(lab.db, schemas)).toEqual(before);
    const { rows } = await lab.db.query("SELECT FROM pg_namespace WHERE nspname = 'holdfast'");
    expect(rows).toEqual([]);
  });

  it("are adopted, every column that the collector's guard asks for", async () => {
    const report = await lab.adopt();
    expect(report.tables.flatMap(({ obstacles }) => obstacles)).toEqual([]);
    expect(new Set(columnsOf(report).map(([, state]) => state))).toEqual(new Set(["adopted"]));
    expect(await lab.guard()).toEqual([]);
    // Every value has its object and its hold, unverified.
    const { rows } = await lab.db.query<{ objects: number; verified: number }>(
      "SELECT count(*)::int AS objects, count(verified_at)::int AS verified FROM holdfast.object",
    );
    expect((rows[0]?.objects ?? 0) > 5).toBe(hasRows);
    expect(rows[0]?.verified).toBe(0);
    // Neither a run nor a schema file finds anything left to guard, and nobody has applied anything.
    const again = await lab.adopt();
    expect(again.tables.flatMap(({ done }) => done)).toEqual([]);
    const wanted = await described();
    const left = (await planModel(lab.db, wanted)).changes.map(({ kind }) => kind);
    expect(left).not.toContain("guard");
    expect(await isApplied(lab.db, wanted)).toBe(false);
  });

  it("are given back to the byte", async () => {
    const plan = await planUndo(lab.db, schemas);
    expect(plan.obstacles).toEqual([]);
    expect(plan.holds.length).toBeGreaterThan(0);
    const { rows: stored } = await lab.db.query("SELECT locator FROM holdfast.object ORDER BY 1");
    expect((await lab.undo()).failed).toEqual([]);
    expect(await schemaState(lab.db, schemas)).toEqual(before);
    expect((await lab.db.query("SELECT locator FROM holdfast.object ORDER BY 1")).rows).toEqual(stored);
    expect((await lab.guard()).length).toBeGreaterThan(0);
    expect((await planUndo(lab.db, schemas)).tables).toEqual([]);
  });

  it("are given back to the byte after an apply, too", async () => {
    const wanted = await described();
    await lab.db.transaction((transaction) =>
      transaction.query("UPDATE holdfast.store SET confirmed_version = '0' WHERE name = 'cold'"),
    );
    await applyModel(lab.db, wanted);
    expect(await isApplied(lab.db, wanted)).toBe(true);
    expect(await lab.guard()).toEqual([]);
    expect((await lab.undo()).failed).toEqual([]);
    expect(await schemaState(lab.db, schemas)).toEqual(before);
    expect(await isApplied(lab.db, wanted)).toBe(false);
    const { rows } = await lab.db.query("SELECT FROM holdfast.store WHERE confirmed_version IS NOT NULL");
    // Where they had objects somebody has to confirm again that they may be collected.
    expect(rows.length === 0).toBe(hasRows);
    expect((await lab.adopt()).tables.flatMap(({ obstacles }) => obstacles)).toEqual([]);
    expect(await lab.guard()).toEqual([]);
  });
});
