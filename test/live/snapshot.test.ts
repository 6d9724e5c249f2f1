/** Snapshots read as PostgreSQL reads them. */

import { beforeAll, describe, expect, it } from "vitest";
import { covers, sees, snapshotOf } from "../../src/api/live/snapshot.ts";
import { freshDatabase } from "../support/database.ts";
import { stranger } from "./laboratory.ts";

let url: string;
let sql: Awaited<ReturnType<typeof stranger>>;

beforeAll(async () => {
  url = await freshDatabase();
  sql = await stranger(url);
});

describe("a snapshot", () => {
  it("sees what PostgreSQL says that it sees, and covers what it follows", async () => {
    const open = await Promise.all([1, 2, 3].map(() => stranger(url)));
    const texts: string[] = [];
    const look = async (): Promise<void> => {
      const { rows } = await sql.query("select pg_current_snapshot()::text as now");
      texts.push(rows[0].now);
    };
    for (const client of open) {
      await client.query("begin");
      await client.query("select pg_current_xact_id()");
      await look();
    }
    for (const client of open.toReversed()) {
      await client.query("commit");
      await look();
    }
    const snapshots = texts.map(snapshotOf);
    for (const snapshot of snapshots) {
      const { rows } = await sql.query(
        "select x::text, pg_visible_in_snapshot(x::text::xid8, $1::text::pg_snapshot) as seen from generate_series($2::bigint, $3::bigint) x",
        [snapshot.text, snapshot.xmin - 3n, snapshot.xmax + 3n],
      );
      for (const { x, seen } of rows)
        expect([snapshot.text, x, sees(snapshot, BigInt(x))]).toEqual([snapshot.text, x, seen]);
    }
    for (const [later, one] of snapshots.entries()) {
      for (const other of snapshots.slice(0, later)) {
        expect(covers(one, other)).toBe(true);
        expect(covers(other, one)).toBe(one.text === other.text);
      }
    }
  });
});
