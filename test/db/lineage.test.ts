/** The lineage of the peer's schemas: right as the peer left it, and made right again after anything. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { compareLineage, rebuildLineage } from "../../src/db/lineage.ts";
import { freshDatabase } from "../support/database.ts";

const fixtures: readonly (readonly [folder: string, schemas: readonly string[]])[] = [
  ["datajoint", ["djf_lab", "djf_types", "djf_blobs", "djf_objects"]],
  ["datajoint-nasty", ["djn_core", "djn_acq", "djn_proc"]],
];

describe.each(fixtures)("the peer's schemas of %s", (folder, schemas) => {
  let db: PostgresDatabase;
  const rowsOf = async (): Promise<readonly string[]> => {
    const texts = schemas.map((name) => `SELECT '${name}' AS s, l::text AS text FROM "${name}"."~lineage" l`);
    const { rows } = await db.query<{ s: string; text: string }>(
      `${texts.join(" UNION ALL ")} ORDER BY 1, 2`,
    );
    return rows.map(({ s, text }) => `${s} ${text}`);
  };

  beforeAll(async () => {
    db = await connect(await freshDatabase());
    await db.transaction(async (transaction) => {
      await transaction.query(
        readFileSync(join(import.meta.dirname, "../fixtures", folder, "dump.sql"), "utf8"),
      );
      await transaction.query("RESET search_path");
    });
  });
  afterAll(() => db.close());

  it("have the lineage that their foreign keys tell, each by itself too", async () => {
    const report = await compareLineage(db, schemas);
    expect(report.schemas.flatMap(({ faults }) => faults)).toEqual([]);
    expect(report.notes).toEqual([]);
    for (const name of schemas) expect((await compareLineage(db, [name])).schemas[0]?.faults).toEqual([]);
  });

  it("get it back after all of it was deleted, as the peer's rebuild does, and after rows were spoiled", async () => {
    const before = await rowsOf();
    expect(before.length).toBeGreaterThan(20);
    for (const name of schemas) await db.query(`DELETE FROM "${name}"."~lineage"`);
    const looked = await compareLineage(db, schemas);
    expect(looked.schemas.flatMap(({ faults }) => faults).length).toBe(before.length);
    expect((await rowsOf()).length).toBe(0);
    await rebuildLineage(db, schemas);
    expect(await rowsOf()).toEqual(before);
    const [first = ""] = schemas;
    await db.query(
      `UPDATE "${first}"."~lineage" SET lineage = 'some.where.else' WHERE attribute_name LIKE 's%'`,
    );
    await db.query(`INSERT INTO "${first}"."~lineage" VALUES ('gone', 'x', 'a.b.c')`);
    await db.query(`DROP TABLE "${schemas[1]}"."~lineage"`);
    const report = await rebuildLineage(db, schemas);
    const faults = report.schemas.flatMap((one) => one.faults);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(["missing", "wrong", "left over"]));
    expect(report.schemas.map(({ hasTable }) => hasTable)).toEqual(schemas.map((_, at) => at !== 1));
    expect(await rowsOf()).toEqual(before);
    expect((await rebuildLineage(db, schemas)).schemas.flatMap((one) => one.faults)).toEqual([]);
  });

  it("tell of a schema that was not named and is in the way", async () => {
    const [first = "", ...others] = schemas;
    await db.query(`UPDATE "${first}"."~lineage" SET lineage = 'some.where.else'`);
    const report = await compareLineage(db, others);
    expect(report.schemas.flatMap(({ faults }) => faults)).toEqual([]);
    const isReferred = report.notes.some((note) => note.includes(first));
    expect(isReferred).toBe(folder === "datajoint-nasty");
    await rebuildLineage(db, schemas);
  });
});
