/** Writers whose transactions overlap at random, and a client that is cut off at random: a list kept by changes ends as the table is. */

import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, follow, openPlace, type Place, stranger } from "./laboratory.ts";

let places: readonly Place[];
let sql: Awaited<ReturnType<typeof stranger>>;

beforeAll(async () => {
  const first = await openPlace();
  places = [first, await openPlace({ databaseUrl: first.databaseUrl })];
  sql = await stranger(first.databaseUrl);
});

const pause = (most: number) => new Promise((resolve) => setTimeout(resolve, Math.random() * most));
const chance = (part: number) => Math.random() < part;

/** Transactions of one writer; answers the ids that it created and committed. */
async function write(url: string, writer: number, transactions: number): Promise<readonly number[]> {
  const client = await stranger(url);
  const created: number[] = [];
  for (let n = 0; n < transactions; n++) {
    const made: number[] = [];
    await client.query("begin");
    for (let statement = 0; statement < 1 + Math.random() * 3; statement++) {
      const base = writer * 1_000_000 + n * 1000 + statement * 100;
      const count = 1 + Math.floor(Math.random() * 5);
      if (chance(0.6)) {
        await client.query(
          "insert into lab.session (session_id, title, mood) select $1::int + i, 'new', 'CALM' from generate_series(1, $2::int) i",
          [base, count],
        );
        for (let i = 1; i <= count; i++) made.push(base + i);
      } else if (chance(0.7)) {
        const where =
          "session_id in (select session_id from lab.session order by random() limit 3 for update skip locked)";
        await client.query(`update lab.session set title = $1 where ${where}`, [
          `w${writer} n${n} s${statement}`,
        ]);
      } else {
        await client.query(
          "delete from lab.session where session_id in (select session_id from lab.session order by random() limit 1 for update skip locked)",
        );
      }
      if (chance(0.3)) await pause(20);
    }
    const isKept = chance(0.85);
    await client.query(isKept ? "commit" : "rollback");
    if (isKept) created.push(...made);
    if (chance(0.3)) await pause(10);
  }
  return created;
}

describe("a list kept by changes", () => {
  it("ends as the table is, with every creation told once, however often it was cut off", async () => {
    const list = new Map<string, string>();
    const creations: number[] = [];
    const begin: Answer = await (places[0] as Place).ask("{ changeCursor }");
    let after: string = begin.changeCursor;
    const idOf = ({ id }: Answer): number => Number(JSON.parse(Buffer.from(id, "base64").toString())[1]);
    const take = (change: Answer): void => {
      if (change.matches) list.set(change.id, change.session.title);
      else list.delete(change.id);
      if (change.kind === "CREATED") creations.push(idOf(change));
      after = change.cursor;
    };
    let isWriting = true;
    const reading = async (): Promise<void> => {
      for (let round = 0; isWriting; round++) {
        const place = places[round % 2] as Place;
        const followed = await follow(
          place,
          "subscription ($after: String) { sessionChanged(after: $after) { kind id matches cursor session { title } } }",
          { variables: { after } },
        );
        await pause(60);
        if (chance(0.3))
          await sql.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast changes' and datname = current_database()",
          );
        followed.stop();
        for (const change of followed.got.splice(0)) take(change);
        expect(followed.errors).toEqual([]);
      }
    };
    const written = Promise.all(
      [1, 2, 3, 4].map((writer) => write(places[0]?.databaseUrl ?? "", writer, 150)),
    ).finally(() => {
      isWriting = false;
    });
    await reading();
    const created = (await written).flat();
    await sql.query("insert into lab.session (session_id, title, mood) values (1, 'the end', 'CALM')");
    const rest = await follow(
      places[0] as Place,
      "subscription ($after: String) { sessionChanged(after: $after) { kind id matches cursor session { title } } }",
      { variables: { after } },
    );
    await expect.poll(() => rest.got.some((change) => idOf(change) === 1), { timeout: 10_000 }).toBe(true);
    rest.stop();
    for (const change of rest.got) take(change);
    const { rows } = await sql.query("select session_id, title from lab.session");
    expect(
      new Map([...list].map(([id, title]) => [JSON.parse(Buffer.from(id, "base64").toString())[1], title])),
    ).toEqual(new Map(rows.map(({ session_id, title }) => [String(session_id), title])));
    expect(creations.sort((a, b) => a - b)).toEqual([...created, 1].sort((a, b) => a - b));
  });
});
