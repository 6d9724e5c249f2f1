/** Tables that stream out and in within one transaction, to the end or not. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CopyTransaction, copyTransaction } from "../../src/db/copy.ts";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { freshDatabase } from "../support/database.ts";

let db: PostgresDatabase;
const url = await freshDatabase();
beforeAll(async () => {
  db = await connect(url, { maxConnections: 3 });
  await db.query(
    "CREATE TABLE many AS SELECT n, repeat('x', 500) AS filling FROM generate_series(1, 50000) AS n",
  );
  await db.query("CREATE TABLE taken (n int CHECK (n < 1000))");
});
afterAll(() => db.close());

const count = async (from: Pick<CopyTransaction, "query">, table: string): Promise<number> =>
  (await from.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`)).rows[0]?.n ?? -1;

async function* lines(numbers: Iterable<number>): AsyncGenerator<Uint8Array> {
  for (const number of numbers) yield Buffer.from(`${number}\n`);
}

describe("copyTransaction", () => {
  it("streams whole tables, as of one moment", async () => {
    const seen = await copyTransaction(
      db,
      async (transaction) => {
        const before = await count(transaction, "many");
        await db.query("INSERT INTO many VALUES (0, 'late')");
        let rows = 0;
        for await (const chunk of transaction.copyOut("COPY many TO STDOUT"))
          for (const byte of chunk) rows += byte === 10 ? 1 : 0;
        return { before, rows };
      },
      { isSnapshot: true },
    );
    expect(seen).toEqual({ before: 50_000, rows: 50_000 });
    await db.query("DELETE FROM many WHERE n = 0");
  });

  it("goes on with other statements when a stream is not read to its end", async () => {
    const rows = await copyTransaction(
      db,
      async (transaction) => {
        for await (const _ of transaction.copyOut(
          "COPY (SELECT * FROM many, generate_series(1, 1000)) TO STDOUT",
        ))
          break;
        // The server was told to stop, which fails the transaction: nothing hangs, and the next one is whole.
        return count(transaction, "many").catch(
          (error: { details: { sqlstate: string } }) => error.details.sqlstate,
        );
      },
      { isSnapshot: true },
    ).catch((error: unknown) => error);
    expect(String(rows)).toMatch(/25P02|canceled|cancelled|57014|rolled back/i);
    for (let again = 0; again < 4; again++) expect(await count(db, "many")).toBe(50_000);
  });

  it("tells what the server and what the body refuse, and keeps nothing then", async () => {
    const into = (body: AsyncIterable<Uint8Array>) =>
      copyTransaction(db, (transaction) => transaction.copyIn("COPY taken FROM STDIN", body), {
        isSnapshot: false,
      });
    await expect(into(lines([1, 2, 5000]))).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATION" });
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* lines([1, 2]);
      throw new Error("no more");
    }
    await expect(into(failing())).rejects.toThrow("no more");
    expect(await count(db, "taken")).toBe(0);
    expect(await into(lines([1, 2, 3]))).toBe(3);
    expect(await into(lines([]))).toBe(0);
    expect(await count(db, "taken")).toBe(3);
    await expect(
      copyTransaction(
        db,
        async (transaction) => {
          for await (const _ of transaction.copyOut("COPY nothing TO STDOUT"));
        },
        { isSnapshot: true },
      ),
    ).rejects.toMatchObject({ details: { sqlstate: "42P01" } });
  });
});
