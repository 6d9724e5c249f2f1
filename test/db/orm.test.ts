import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { ObjectEntity, StoreEntity, TombstoneEntity, UploadEntity } from "../../src/db/entities.ts";
import { migrate } from "../../src/db/migrate.ts";
import { type Orm, openOrm } from "../../src/db/orm.ts";
import { freshDatabase } from "../support/database.ts";

let database: PostgresDatabase;
let orm: Orm;
beforeAll(async () => {
  database = await connect(await freshDatabase());
  await migrate(database);
  await database.query(`
    INSERT INTO holdfast.store (name, is_default) VALUES ('main', true);
    INSERT INTO holdfast.object (locator, size, sha256, verified_at, meta) VALUES ('main:a', 9007199254740993, '\\x00ff', '2024-01-01Z', '{"shape": [1]}');
    INSERT INTO holdfast.object (locator) VALUES ('main:b');
    SELECT holdfast.reserve('main:c', '1 h', 'me');
    DELETE FROM holdfast.object WHERE locator = 'main:b'`);
  orm = await openOrm(database);
});
afterAll(async () => {
  await orm.close();
  await database.close();
});

describe("openOrm", () => {
  it("reads Holdfast's own tables as entities", async () => {
    const em = orm.em.fork();
    expect(await em.find(StoreEntity, {})).toMatchObject([
      { name: "main", isDefault: true, gc: "report", drain: "00:30:00" },
    ]);
    expect(await em.find(ObjectEntity, { verifiedAt: { $ne: null } })).toMatchObject([
      {
        locator: "main:a",
        size: "9007199254740993",
        sha256: Buffer.from([0, 255]),
        verifiedAt: new Date("2024-01-01T00:00:00Z"),
        meta: '{"shape": [1]}',
        condemnedAt: null,
      },
    ]);
    expect(await em.find(UploadEntity, {})).toMatchObject([{ locator: "main:c", principal: "me" }]);
    expect(await em.find(TombstoneEntity, {})).toMatchObject([{ locator: "main:b", hiddenAt: null }]);
  });

  it("knows every column of the tables, and no other", async () => {
    const { rows } = await database.query<{ table: string; columns: string[] }>(
      `SELECT table_name AS table, array_agg(column_name::text ORDER BY column_name::text) AS columns
       FROM information_schema.columns WHERE table_schema = 'holdfast' GROUP BY 1`,
    );
    const mapped = [...orm.getMetadata().getAll().values()];
    expect(mapped.map((meta) => meta.tableName).sort()).toEqual(["object", "store", "tombstone", "upload"]);
    for (const meta of mapped) {
      const columns = meta.props.flatMap((property) => property.fieldNames).sort();
      expect(columns).toEqual(rows.find((row) => row.table === meta.tableName)?.columns);
    }
  });

  it("works on the database's own connections, and leaves them open", async () => {
    const second = await openOrm(database);
    const answer = await second.em
      .fork()
      .getKysely()
      .selectNoFrom((e) => e.lit(1).as("one"))
      .execute();
    expect(answer).toEqual([{ one: 1 }]);
    await second.close();
    expect((await database.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });
});
