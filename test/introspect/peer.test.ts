/** Schemas that DataJoint 2.3.5 made: described whole, and read back without a change. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCatalog } from "../../src/db/catalog.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { introspect } from "../../src/introspect/introspect.ts";
import { freshDatabase } from "../support/database.ts";
import { modelContext } from "../support/sdl.ts";

const schemas = ["djf_lab", "djf_types", "djf_blobs", "djf_objects"];
let db: PostgresDatabase;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  const dump = readFileSync(join(import.meta.dirname, "../fixtures/datajoint/dump.sql"), "utf8");
  await db.transaction((transaction) => transaction.query(dump));
});
afterAll(() => db.close());

describe("the peer's schemas", () => {
  it.each([...schemas.map((name) => [name]), schemas])("%s are described so that nothing is to be changed", async (...names) => {
    const found = introspect(await readCatalog(db, names), names, modelContext);
    expect(found.faults).toEqual([]);
    expect(found.text).toMatchSnapshot();
    expect(found.notes).toMatchSnapshot();
  });
});
