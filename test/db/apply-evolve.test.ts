/** Models that change while the tables hold rows: what is kept, what is refused, what is left alone. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyModel, driftOf, planModel } from "../../src/db/apply.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { isServiceError, type ServiceError } from "../../src/errors.ts";
import type { Model } from "../../src/model/model.ts";
import { freshDatabase } from "../support/database.ts";
import { model } from "../support/sdl.ts";
import { expectTables } from "../support/tables-as-model.ts";

let db: PostgresDatabase;
let count = 0;

beforeAll(async () => {
  db = await connect(await freshDatabase());
  await migrate(db);
  await db.query("INSERT INTO holdfast.store (name, is_default) VALUES ('main', true), ('cold', false)");
});
afterAll(() => db.close());

/** A PostgreSQL schema of its own, and models in it. */
function laboratory(): { schema: string; of: (text: string) => Model } {
  const schema = `lab_${++count}`;
  return { schema, of: (text) => model(`extend schema @database(schema: "${schema}")\n${text}`) };
}

async function failure(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (isServiceError(error)) return error;
  throw new Error(`expected a ServiceError, got ${String(error)}`);
}

async function rows(text: string): Promise<unknown[]> {
  return (await db.query(text)).rows;
}

describe("codecs that the peer does not have", () => {
  const comments = (schema: string) =>
    rows(`SELECT attname AS column, col_description(attrelid, attnum) AS comment FROM pg_attribute
      WHERE attrelid = '${schema}.scan'::regclass AND attnum > 1 AND attname !~ '^_' ORDER BY attnum`);
  const scan = (fields: string) => `type Scan @table { scanId: Int! @key ${fields} }`;

  it("are to it what it has: objects, hashes, bytes", async () => {
    const { schema, of } = laboratory();
    const wanted = of(
      scan(`"as Zarr" movie: ZarrArray @codec(name: "zarr", store: "default")
        notes: TextFile @codec(name: "text") log: TextFile @codec(name: "text", store: "cold")`),
    );
    await applyModel(db, wanted);
    expect(await comments(schema)).toEqual([
      { column: "movie", comment: ":<object@main>:as Zarr" },
      { column: "notes", comment: ":bytes:" },
      { column: "log", comment: ":<hash@cold>:" },
    ]);
    expect((await planModel(db, wanted)).changes).toEqual([]);
    expect(await rows("SELECT * FROM holdfast.guard")).toEqual([]);
  });

  it("take over what the peer has made, by either name, and give it back, with its rows", async () => {
    const { schema, of } = laboratory();
    const asObject = of(scan(`movie: Tree @codec(name: "object", store: "main") notes: Bytes`));
    await applyModel(db, asObject);
    const movie = `{"path": "_schema/${schema}/scan/scan_id=1/movie_x5EhKOuf.zarr", "store": "main"}`;
    await db.query(`INSERT INTO ${schema}.scan VALUES (1, '${movie}', 'abc')`);
    const asZarr = of(
      scan(`movie: ZarrArray @codec(name: "zarr", store: "main") notes: TextFile @codec(name: "text")`),
    );
    expect((await planModel(db, asZarr)).changes).toEqual([]);
    await db.query(`COMMENT ON COLUMN ${schema}.scan.movie IS ':<zarr@main>:'`);
    expect((await planModel(db, asZarr)).changes).toEqual([]);
    await db.query(`COMMENT ON COLUMN ${schema}.scan.movie IS ':<zarr@>:'`);
    expect((await planModel(db, asZarr)).changes).toEqual([]);
    await db.query(`COMMENT ON COLUMN ${schema}.scan.movie IS ':<object@main>:'`);
    expect((await planModel(db, asObject)).changes).toEqual([]);
    expect(await rows(`SELECT movie->>'store' AS store, notes::text AS notes FROM ${schema}.scan`)).toEqual([
      { store: "main", notes: "\\x616263" },
    ]);
  });

  it("do not take over what another codec has made", async () => {
    const { of } = laboratory();
    await applyModel(db, of(scan(`movie: NdArray @codec(name: "npy", store: "main")`)));
    const plan = await planModel(db, of(scan(`movie: ZarrArray @codec(name: "zarr", store: "main")`)));
    expect(plan.changes.some(({ destructive }) => destructive)).toBe(true);
  });
});

describe("renames", () => {
  it("keep rows, indexes, references and guards of tables and columns", async () => {
    const { schema, of } = laboratory();
    await applyModel(
      db,
      of(`
      type Animal @table @index(fields: ["nick", "age"]) { animalId: Int! @key  nick: String!  age: Int  picture: NdArray @codec(name: "npy", store: "default")  raw: FileRef @codec(name: "filepath", store: "cold") }
      type Visit @table(tier: IMPORTED) { animal: Animal! @key  day: Date! @key  files: [File!]! @codec(name: "attach", store: "default") }
      type VisitStep @table(partOf: "Visit") { visit: Visit! @key  step: Int! @key  again: Animal @reference(columns: ["again"]) @reverse(name: "agains") }`),
    );
    const path = `_schema/${schema}/animal/x.npy`;
    await db.query(
      `INSERT INTO ${schema}.animal VALUES (1, 'm1', 3, '{"path": "${path}", "store": "main"}', '{"path": "a/b.dat"}')`,
    );
    await db.query(`INSERT INTO ${schema}._visit VALUES (1, '2026-01-02')`);
    await db.query(`INSERT INTO ${schema}._visit__step VALUES (1, '2026-01-02', 7, 1)`);
    const next = of(`
      type Subject @table @renamedFrom(name: "Animal") @index(fields: ["nickname", "age"]) { subjectId: Int! @key @renamedFrom(name: "animalId")  nickname: String! @renamedFrom(name: "nick")  age: Int  image: NdArray @codec(name: "npy", store: "default") @renamedFrom(name: "picture")  source: FileRef @codec(name: "filepath", store: "cold") @renamedFrom(name: "raw") }
      type Session @table(tier: COMPUTED) @renamedFrom(name: "Visit") { subject: Subject! @key  day: Date! @key  notes: [File!]! @codec(name: "attach", store: "default") @renamedFrom(name: "files") }
      type SessionStep @table(partOf: "Session") @renamedFrom(name: "VisitStep") { session: Session! @key  step: Int! @key  again: Subject @reference(columns: ["again"]) @reverse(name: "agains") }`);
    const plan = await applyModel(db, next);
    expect(plan.destructive).toEqual([]);
    expect(plan.changes.filter((change) => change.kind === "create-table")).toEqual([]);
    await expectTables(db, next);
    expect((await planModel(db, next)).changes).toEqual([]);
    expect(await rows(`SELECT subject_id, nickname, _image_ref FROM ${schema}.subject`)).toEqual([
      { subject_id: 1, nickname: "m1", _image_ref: `main:${path}` },
    ]);
    expect(await rows(`SELECT subject_id, step, again FROM ${schema}.__session__step`)).toEqual([
      { subject_id: 1, step: 7, again: 1 },
    ]);
    const names = await rows(
      `SELECT conname AS name FROM pg_constraint WHERE connamespace = '${schema}'::regnamespace AND contype IN ('p', 'f') AND conname ~ 'animal|visit|nick$|files'
       UNION SELECT indexname FROM pg_indexes WHERE schemaname = '${schema}' AND indexname ~ '^idx.*(animal|visit|nick_)'`,
    );
    expect(names).toEqual([]);
    // The trigger knows the new name: a foreign writer's new object is registered and held.
    await db.query(
      `INSERT INTO ${schema}.subject (subject_id, nickname, image) VALUES (2, 'm2', '{"path": "_schema/${schema}/subject/y.npy"}')`,
    );
    expect(await rows(`SELECT locator FROM ${schema}."~object" ORDER BY 1`)).toHaveLength(2);
    expect(await rows(`SELECT * FROM holdfast.guard WHERE what LIKE '${schema}.%'`)).toEqual([]);
  });

  it("follow a change of tier or of the table's own name", async () => {
    const { schema, of } = laboratory();
    await applyModel(
      db,
      of(`type Scan @table { scan: Int! @key }  type Probe @table { probe: Int! @key  scan: Scan! }`),
    );
    await db.query(`INSERT INTO ${schema}.scan VALUES (4)`);
    const next = of(
      `type Scan @table(tier: COMPUTED) { scan: Int! @key }  type Probe @table(name: "needle") { probe: Int! @key  scan: Scan! }`,
    );
    expect((await applyModel(db, next)).destructive).toEqual([]);
    await expectTables(db, next);
    expect(await rows(`SELECT scan FROM ${schema}.__scan`)).toEqual([{ scan: 4 }]);
  });
});

describe("what would lose data", () => {
  it("is refused by name unless it is allowed, and nothing else is done", async () => {
    const { schema, of } = laboratory();
    await applyModel(
      db,
      of(
        `type A @table { a: Int! @key  gone: String  pic: Blob @codec(name: "blob", store: "default") }  type B @table { a: A! @key  mood: Mood! }  enum Mood { CALM WILD }`,
      ),
    );
    const next = of(`type A @table { a: Int! @key  fresh: Int }`);
    const error = await failure(applyModel(db, next));
    expect(error.code).toBe("DESTRUCTIVE_CHANGE");
    expect(error.message).toBe(
      `Applying the schema would remove data:\nDrop table ${schema}.b and its rows\nDrop column ${schema}.a.gone and its values\nDrop column ${schema}.a.pic and its values`,
    );
    expect(
      await rows(
        `SELECT 1 FROM information_schema.columns WHERE table_schema = '${schema}' AND column_name = 'fresh'`,
      ),
    ).toEqual([]);
    await applyModel(db, next, { allowDestructive: true });
    await expectTables(db, next);
    expect(
      await rows(
        `SELECT typname FROM pg_type WHERE typnamespace = '${schema}'::regnamespace AND typtype = 'e'`,
      ),
    ).toEqual([]);
    expect(await rows(`SELECT * FROM ${schema}."~lineage" WHERE table_name = 'b'`)).toEqual([]);
  });

  it("takes the jobs of a table along, unless a table of another tier has the same", async () => {
    const { schema, of } = laboratory();
    const parent = "type A @table { a: Int! @key }";
    const computed = (type: string, tier: string, name: string) =>
      `type ${type} @table(tier: ${tier}, name: "${name}") { a: A! @key }`;
    const [scan, copy, movie] = [
      computed("Scan", "COMPUTED", "scan"),
      computed("Copy", "IMPORTED", "scan"),
      computed("Movie", "COMPUTED", "movie"),
    ];
    await applyModel(db, of(`${parent} ${scan} ${copy} ${movie}`));
    for (const name of ["scan", "movie"]) {
      await db.query(`CREATE TABLE ${schema}."~~${name}" (a int PRIMARY KEY)`);
      await db.query(`INSERT INTO ${schema}."~lineage" VALUES ('~~${name}', 'a', '${schema}.~~${name}.a')`);
    }
    const there = () =>
      rows(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r' AND relname ~ '^~~' ORDER BY 1`,
      );
    const next = of(`${parent} ${copy}`);
    const plan = await planModel(db, next);
    expect(plan.destructive.map(({ summary }) => summary).sort()).toEqual([
      `Drop table ${schema}.__movie and its rows, and its jobs`,
      `Drop table ${schema}.__scan and its rows`,
    ]);
    await applyModel(db, next, { allowDestructive: true });
    expect(await there()).toEqual([{ name: "~~scan" }]);
    expect(await rows(`SELECT table_name FROM ${schema}."~lineage" WHERE table_name ~ '^~~'`)).toEqual([
      { table_name: "~~scan" },
    ]);
    await applyModel(db, of(parent), { allowDestructive: true });
    expect(await there()).toEqual([]);
    expect((await planModel(db, of(parent))).changes).toEqual([]);
  });

  it("never touches what no apply has made", async () => {
    const { schema, of } = laboratory();
    await applyModel(db, of("type A @table { a: Int! @key  b: Int }"));
    await db.query(`CREATE TABLE ${schema}.theirs (id int PRIMARY KEY, a int REFERENCES ${schema}.a)`);
    await db.query(
      `ALTER TABLE ${schema}.a ADD COLUMN extra text, ADD COLUMN other int REFERENCES ${schema}.theirs`,
    );
    await db.query(`CREATE INDEX idx_a_b ON ${schema}.a (b)`);
    const next = of("type A @table { a: Int! @key  b: Int  c: Int }");
    const plan = await applyModel(db, next, { allowDestructive: true });
    expect(plan.changes.map((change) => change.summary)).toEqual([`Add column ${schema}.a.c`]);
    const items = await driftOf(db, next);
    expect(items.map((item) => [item.kind, item.table, item.column])).toEqual([
      ["extra-table", `${schema}.theirs`, undefined],
      ["extra-column", `${schema}.a`, "extra"],
      ["extra-column", `${schema}.a`, "other"],
    ]);
    const error = await failure(
      applyModel(db, of("type Z @table { z: Int! @key }"), { allowDestructive: true }),
    );
    expect(error.code).toBe("CONSTRAINT_VIOLATION");
    expect(error.message).toContain(`Table ${schema}.a cannot be dropped: ${schema}.theirs refers to it`);
  });
});

describe("columns of tables with rows", () => {
  it("are added with a default or nullable, and refused otherwise", async () => {
    const { schema, of } = laboratory();
    await applyModel(db, of("type A @table { a: Int! @key }"));
    await db.query(`INSERT INTO ${schema}.a VALUES (1)`);
    const error = await failure(applyModel(db, of("type A @table { a: Int! @key  must: Int! }")));
    expect(error.code).toBe("CONSTRAINT_VIOLATION");
    expect(error.message).toBe(
      `The schema cannot be applied.\nColumn ${schema}.a.must needs a value in every row, and the table has rows. Give A a default for it with @column(default: …), or make the field nullable.`,
    );
    const next = of("type A @table { a: Int! @key  must: Int! @column(default: 5)  may: String }");
    await applyModel(db, next);
    expect(await rows(`SELECT * FROM ${schema}.a`)).toEqual([{ a: 1, must: 5, may: null }]);
    await db.query(`DELETE FROM ${schema}.a`);
    await applyModel(db, of("type A @table { a: Int! @key  must: Int!  may: String! }"));
  });

  it("change type with their values where these fit, keys and references with them", async () => {
    const { schema, of } = laboratory();
    const text = (key: string, n: string, s: string, f: string): string =>
      `type A @table { a: ${key} @key  n: ${n}  s: ${s}  f: ${f} }  type B @table { a: A! @key  b: Int! @key }`;
    const string = (size: number): string => `String @column(type: "varchar(${size})")`;
    await applyModel(
      db,
      of(text('Int! @column(type: "int16")', "Int", string(4), 'Float @column(type: "float32")')),
    );
    await db.query(`INSERT INTO ${schema}.a VALUES (1, 40000, 'abcd', 0.5)`);
    await db.query(`INSERT INTO ${schema}.b VALUES (1, 2)`);
    const wide = of(text("BigInt!", "BigInt! @column(default: 1)", string(40), "Float"));
    const plan = await applyModel(db, wide);
    expect(plan.destructive).toEqual([]);
    await expectTables(db, wide);
    expect(await rows(`SELECT a.*, b FROM ${schema}.a JOIN ${schema}.b USING (a)`)).toEqual([
      { a: "1", n: "40000", s: "abcd", f: 0.5, b: 2 },
    ]);
    const narrow = of(text("BigInt!", 'Int @column(type: "int16")', string(3), "Float"));
    const error = await failure(applyModel(db, narrow));
    expect(error.details.problems).toEqual([
      expect.objectContaining({
        column: "n",
        message: `Column ${schema}.a.n cannot be changed: rows hold values that do not fit smallint.`,
      }),
      expect.objectContaining({
        column: "s",
        message: `Column ${schema}.a.s cannot be changed: rows hold values that do not fit varchar(3).`,
      }),
    ]);
    await db.query(`UPDATE ${schema}.a SET n = 7, s = 'abc'`);
    await applyModel(db, narrow);
    await expectTables(db, narrow);
  });

  it("gain and lose values of an enum", async () => {
    const { schema, of } = laboratory();
    const text = (values: string, fallback: string): string =>
      `enum Mood { ${values} }  type A @table { mood: Mood! @key  other: Mood! @column(default: "${fallback}") }  type B @table { a: A!  b: Int! @key }`;
    await applyModel(db, of(text("CALM WILD", "CALM")));
    await db.query(`INSERT INTO ${schema}.a VALUES ('WILD')`);
    await db.query(`INSERT INTO ${schema}.b (mood, b) VALUES ('WILD', 1)`);
    const more = of(text("CALM WILD SHY", "SHY"));
    await applyModel(db, more);
    await expectTables(db, more);
    expect(await rows(`SELECT mood, other FROM ${schema}.b JOIN ${schema}.a USING (mood)`)).toEqual([
      { mood: "WILD", other: "CALM" },
    ]);
    const error = await failure(applyModel(db, of(text("CALM SHY", "SHY"))));
    expect(error.message).toContain(
      `Column ${schema}.a.mood cannot be changed: rows hold values that do not fit`,
    );
    await db.query(`UPDATE ${schema}.a SET mood = 'SHY'`);
    const less = of(text("CALM SHY", "SHY"));
    await applyModel(db, less);
    await expectTables(db, less);
    expect(
      await rows(
        `SELECT typname FROM pg_type WHERE typnamespace = '${schema}'::regnamespace AND typtype = 'e'`,
      ),
    ).toHaveLength(1);
  });

  it("have no nulls to be made NOT NULL", async () => {
    const { schema, of } = laboratory();
    await applyModel(db, of("type A @table { a: Int! @key  b: Int }"));
    await db.query(`INSERT INTO ${schema}.a VALUES (1, NULL)`);
    const next = of("type A @table { a: Int! @key  b: Int! }");
    expect((await failure(applyModel(db, next))).message).toContain("rows hold nulls");
    await db.query(`UPDATE ${schema}.a SET b = 1`);
    await applyModel(db, next);
    await expectTables(db, next);
  });

  it("of another codec are replaced only with leave", async () => {
    const { schema, of } = laboratory();
    await applyModel(db, of('type A @table { a: Int! @key  b: Blob @codec(name: "blob", store: "main") }'));
    const next = of('type A @table { a: Int! @key  b: NdArray @codec(name: "npy", store: "main") }');
    expect((await failure(applyModel(db, next))).message).toContain(`Replace column ${schema}.a.b`);
    await applyModel(db, next, { allowDestructive: true });
    await expectTables(db, next);
    const moved = of('type A @table { a: Int! @key  b: NdArray @codec(name: "npy", store: "cold") }');
    expect((await applyModel(db, moved)).changes.map((change) => change.kind)).toEqual(["comment"]);
  });
});

describe("a plan that fails half-way", () => {
  it("leaves everything as it was, and says which step", async () => {
    const { schema, of } = laboratory();
    await applyModel(db, of("type A @table { a: Int! @key  b: Int }"));
    await db.query(`INSERT INTO ${schema}.a VALUES (1, 1), (2, 1)`);
    const error = await failure(
      applyModel(
        db,
        of("type A @table { a: Int! @key  b: Int @unique  c: Int }  type N @table { n: Int! @key }"),
      ),
    );
    expect(error.code).toBe("CONSTRAINT_VIOLATION");
    expect(error.message).toContain(`Add unique(b) to ${schema}.a`);
    expect(
      await rows(`SELECT 1 FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relname = 'n'`),
    ).toEqual([]);
    await db.query(`CREATE VIEW ${schema}.seen AS SELECT b FROM ${schema}.a`);
    const view = await failure(applyModel(db, of("type A @table { a: Int! @key  b: BigInt }")));
    expect(view.code).toBe("CONSTRAINT_VIOLATION");
    expect(view.message).toContain("something else depends on it");
  });
});

describe("several applies at once", () => {
  it("follow one another, and the later find nothing to do", async () => {
    const { of } = laboratory();
    const wanted = of('type A @table { a: Int! @key  b: Blob @codec(name: "blob", store: "main") }');
    const plans = await Promise.all([1, 2, 3, 4].map(() => applyModel(db, wanted)));
    expect(plans.map((plan) => plan.changes.length > 0).filter(Boolean)).toHaveLength(1);
    await expectTables(db, wanted);
  });

  it("wait for a busy table, and give up in time", async () => {
    const { schema, of } = laboratory();
    await applyModel(db, of("type A @table { a: Int! @key }"));
    const next = of("type A @table { a: Int! @key  b: Int }");
    await db.transaction(async (other) => {
      await other.query(`LOCK TABLE ${schema}.a IN ACCESS SHARE MODE`);
      const error = await failure(applyModel(db, next, { patienceMs: 500 }));
      expect(error.code).toBe("CONFLICT");
    });
    const release = db.transaction(async (other) => {
      await other.query(`LOCK TABLE ${schema}.a IN ACCESS SHARE MODE`);
      await other.query("SELECT pg_sleep(2.5)");
    });
    await applyModel(db, next);
    await release;
    await expectTables(db, next);
  });
});

describe("references to users' files", () => {
  it("are kept out of our sections, and to their one spelling", async () => {
    const { schema, of } = laboratory();
    await applyModel(
      db,
      of('type A @table { a: Int! @key  raw: FileRef @codec(name: "filepath", store: "cold") }'),
    );
    const insert = (path: string): Promise<unknown> =>
      db.query(
        `INSERT INTO ${schema}.a SELECT coalesce(max(a), 0) + 1, jsonb_build_object('path', $1::text) FROM ${schema}.a`,
        [path],
      );
    for (const path of ["a", "a/b c/é.dat", "_hashes/x", "x/_hash/y", "..x/y", "a/.b"]) await insert(path);
    for (const path of [
      "",
      "/a",
      "a/",
      "a//b",
      "../a",
      "a/..",
      "a/./b",
      ".",
      "a\\b",
      "a\nb",
      "_hash/x",
      "_schema",
      "_trash/1",
      "_obj/x",
    ])
      expect((await failure(insert(path))).code, path).toBe("CONSTRAINT_VIOLATION");
    await expect(db.query(`INSERT INTO ${schema}.a VALUES (100, '{"store": "cold"}')`)).rejects.toThrow();
  });
});

describe("a large laboratory", () => {
  it("of 500 tables is compared in a few seconds", async () => {
    const { of } = laboratory();
    const types = Array.from({ length: 500 }, (_, at) => {
      const parent =
        at === 0 ? "" : `up: T${Math.floor(at / 2)} @reference(columns: ["up"]) @reverse(name: "down${at}")`;
      return `type T${at} @table { id${at}: Int! @key  name: String! @unique  mood: Mood!  picture: Blob @codec(name: "blob")  ${parent} }`;
    });
    const wanted = of(`enum Mood { CALM WILD }\n${types.join("\n")}`);
    await applyModel(db, wanted);
    const start = performance.now();
    expect((await planModel(db, wanted)).changes).toEqual([]);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
