/** Schemas that DataJoint 2.3.5 made: described whole, and read back without a change. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { readSchemas } from "../../src/db/read-schemas.ts";
import { introspect } from "../../src/introspect/introspect.ts";
import { freshDatabase } from "../support/database.ts";
import { modelContext } from "../support/sdl.ts";

const fixtures: readonly (readonly [folder: string, schemas: readonly string[]])[] = [
  ["datajoint", ["djf_lab", "djf_types", "djf_blobs", "djf_objects"]],
  ["datajoint-nasty", ["djn_core", "djn_acq", "djn_proc"]],
];
/** Kinds of steps that no schema file asks for. */
const additions = ["guard", "watch"];

describe.each(fixtures)("the peer's schemas of %s", (folder, schemas) => {
  let db: PostgresDatabase;

  beforeAll(async () => {
    db = await connect(await freshDatabase());
    const dump = readFileSync(join(import.meta.dirname, "../fixtures", folder, "dump.sql"), "utf8");
    // One connection: the dump empties its session's search_path.
    await db.transaction((transaction) => transaction.query(dump));
  });
  afterAll(() => db.close());

  const described = async (names: readonly string[]) =>
    introspect(await readSchemas(db, names), names, modelContext);

  it("are described so that nothing is to be changed", async () => {
    const found = await described(schemas);
    expect(found.faults).toEqual([]);
    expect(found.additions.filter(({ kind }) => !additions.includes(kind))).toEqual([]);
    const { rows } = await db.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = ANY ($1) AND tablename NOT LIKE '~%'",
      [schemas],
    );
    expect(found.tables).toBe(rows[0]?.n);
    const told = found.notes.map(({ table, column, message }) => `# ${table} ${column ?? ""} ${message}\n`);
    await expect(`${found.text}\n${told.join("")}`).toMatchFileSnapshot(`golden/${folder}.graphql`);
  });

  it.each(schemas)("%s is by itself too", async (name) => {
    const found = await described([name]);
    expect(found.faults).toEqual([]);
    expect(found.additions.filter(({ kind }) => !additions.includes(kind))).toEqual([]);
    const more = found.notes.filter(({ message }) => !message.includes("was not asked for"));
    expect(more.filter(({ message }) => message.startsWith("left out"))).toEqual([]);
  });

  it("are described alike in any order of the schemas, but for names and the file's own", async () => {
    const found = await described(schemas.toReversed());
    expect(found.faults).toEqual([]);
    expect(found.tables).toBe((await described(schemas)).tables);
  });
});
