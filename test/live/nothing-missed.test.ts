/** What is promised of lost connections, late commits, slow clients and resuming ones: nothing is missed, or the client is told so. */

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { pruneChanges } from "../../src/db/changes.ts";
import { events } from "./events.ts";
import { type Answer, follow, openPlace, type Place, stranger } from "./laboratory.ts";

let place: Place;
let sql: Awaited<ReturnType<typeof stranger>>;

beforeAll(async () => {
  vi.stubEnv("HOLDFAST_MAX_QUEUED_CHANGES", "10");
  place = await openPlace();
  sql = await stranger(place.databaseUrl);
});
afterAll(() => vi.unstubAllEnvs());

const brief =
  "subscription ($after: String, $where: SessionFilter) { sessionChanged(after: $after, where: $where) { kind id cursor at } }";

function key({ id }: Answer): number {
  return Number(JSON.parse(Buffer.from(id, "base64").toString())[1]);
}

function insert(...ids: number[]): string {
  return `insert into lab.session (session_id, title, mood) select i, 'x', 'CALM' from unnest(array[${ids.join(",")}]) i`;
}

describe("transactions", () => {
  it("that begin first and commit last are told, live and to who resumes", async () => {
    const late = await stranger(place.databaseUrl);
    const followed = await follow(place, brief);
    await late.query("begin");
    await late.query(insert(1));
    await sql.query(insert(2));
    const [second] = await followed.until(1);
    expect(key(second)).toBe(2);
    followed.stop();
    await late.query("commit");
    const resumed = await follow(place, brief, { variables: { after: second.cursor } });
    await sql.query(insert(3));
    expect((await resumed.until(2)).map(key)).toEqual([1, 3]);
    resumed.stop();
  });

  it("are told in the order in which they changed a row, whichever began first", async () => {
    const late = await stranger(place.databaseUrl);
    const { changeCursor } = await place.ask("{ changeCursor }");
    await late.query("begin");
    await late.query("select pg_current_xact_id()");
    await sql.query("update lab.session set title = 'first' where session_id = 1");
    await late.query("delete from lab.session where session_id = 1");
    await late.query("commit");
    const resumed = await follow(place, brief, { variables: { after: changeCursor } });
    expect((await resumed.until(2)).map(({ kind }) => kind)).toEqual(["UPDATED", "DELETED"]);
    resumed.stop();
  });
});

describe("a cursor", () => {
  it("goes on within a statement, within a transaction, and behind both", async () => {
    const followed = await follow(place, brief);
    await sql.query(`begin; ${insert(11, 12, 13)}; ${insert(14)}; commit`);
    const changes = [...(await followed.until(4))];
    followed.stop();
    await sql.query(insert(15));
    for (const [index, { cursor }] of changes.entries()) {
      const resumed = await follow(place, brief, { variables: { after: cursor } });
      const rest = await resumed.until(4 - index);
      expect(rest.map(key)).toEqual([11, 12, 13, 14, 15].slice(index + 1));
      resumed.stop();
    }
  });

  it("of a query is where its rows were read: what it did not show comes, and nothing else", async () => {
    await sql.query(insert(21));
    const { changeCursor, sessions } = await place.ask(
      `{ changeCursor sessions(where: {sessionId: {gt: 20, lt: 30}}) { nodes { sessionId } } }`,
    );
    expect(sessions.nodes).toEqual([{ sessionId: 21 }]);
    await sql.query(insert(22));
    const followed = await follow(place, brief, { variables: { after: changeCursor } });
    await sql.query(insert(23));
    expect((await followed.until(2)).map(key)).toEqual([22, 23]);
    followed.stop();
  });

  it("that is none, or of another database, is refused by name", async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
    const wrong = [
      "",
      "nonsense",
      encode(["1:2"]),
      encode(["9999999999:9999999999:"]),
      encode(["5:3:4"]),
      encode(["1:1:", "x", "1", 1]),
      encode(["1:1:", "1:1:", "-1", 1]),
      encode([["1:1:"]]),
    ];
    for (const after of wrong) {
      const followed = await follow(place, brief, { variables: { after } });
      await followed.ended;
      expect(followed.errors, after).toMatchObject([
        { extensions: { code: "BAD_USER_INPUT", field: "after" } },
      ]);
    }
  });

  it("beyond what is kept is refused, and so is a subscription that falls behind that", async () => {
    const { changeCursor } = await place.ask("{ changeCursor }");
    await sql.query(insert(31));
    await pruneChanges(place.service.db, { keptSeconds: 0, maxEntries: 1000 });
    // After the mark: transactions of the cluster's other databases count as ones that a snapshot may have missed.
    const kept = await place.ask("{ changeCursor }");
    expect((await sql.query("select from holdfast.change")).rowCount).toBe(0);
    const followed = await follow(place, brief, { variables: { after: changeCursor } });
    await followed.ended;
    expect(followed.errors).toMatchObject([
      { extensions: { code: "CHANGES_GONE", setting: "HOLDFAST_CHANGES_KEPT" } },
    ]);
    const late = await follow(place, brief, { variables: { after: kept.changeCursor } });
    await sql.query(insert(32));
    expect((await late.until(1)).map(key)).toEqual([32]);
    late.stop();
  });
});

describe("the record", () => {
  it("forgets by when a change was committed, not by when it was written", async () => {
    const late = await stranger(place.databaseUrl);
    await late.query("begin");
    await late.query(insert(33));
    await pruneChanges(place.service.db, { keptSeconds: 0, maxEntries: 1000 });
    const { changeCursor } = await place.ask("{ changeCursor }");
    await late.query("commit");
    const followed = await follow(place, brief, { variables: { after: changeCursor } });
    expect((await followed.until(1)).map(key)).toEqual([33]);
    followed.stop();
  });

  it("has a cap on its entries", async () => {
    await pruneChanges(place.service.db, { keptSeconds: 0, maxEntries: 1000 });
    for (let id = 3000; id < 3030; id++) await sql.query(insert(id));
    // A mark for each call: the cap goes by marks.
    await pruneChanges(place.service.db, { keptSeconds: 0, maxEntries: 1000 });
    for (let id = 3030; id < 3040; id++) await sql.query(insert(id));
    await pruneChanges(place.service.db, { keptSeconds: 3600, maxEntries: 10 });
    const { rows } = await sql.query("select count(*)::int from holdfast.change");
    expect(rows).toEqual([{ count: 10 }]);
  });
});

describe("a lost connection", () => {
  it("of the listener, and of the whole pool, loses no change", async () => {
    const followed = await follow(place, brief);
    await sql.query(insert(41));
    await followed.until(1);
    for (let round = 0; round < 3; round++) {
      await sql.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'holdfast%' and datname = current_database()`,
      );
      await sql.query(insert(42 + 2 * round));
      await sql.query(insert(43 + 2 * round));
      await followed.until(3 + 2 * round);
    }
    expect(followed.got.map(key)).toEqual([41, 42, 43, 44, 45, 46, 47]);
    expect(followed.errors).toEqual([]);
    followed.stop();
  });
});

describe("two services on one database", () => {
  it("tell each of what the other writes, and of what nobody of them does", async () => {
    const other = await openPlace({ databaseUrl: place.databaseUrl });
    const here = await follow(place, brief);
    const there = await follow(other, brief);
    await place.ask(
      `mutation { createSession(input: {sessionId: 51, title: "x", mood: CALM}) { session { id } } }`,
    );
    await other.ask(
      `mutation { createSession(input: {sessionId: 52, title: "x", mood: CALM}) { session { id } } }`,
    );
    await sql.query(insert(53));
    expect((await here.until(3)).map(key)).toEqual([51, 52, 53]);
    expect((await there.until(3)).map(key)).toEqual([51, 52, 53]);
    const resumed = await follow(other, brief, { variables: { after: here.got[0].cursor } });
    expect((await resumed.until(2)).map(key)).toEqual([52, 53]);
    for (const each of [here, there, resumed]) each.stop();
  });
});

describe("a client that reads slowly", () => {
  it("holds nobody up, and gets everything, once and in order", async () => {
    const gate = Promise.withResolvers<void>();
    const wide = `subscription { sessionChanged(where: {sessionId: {gte: 100000}}) { id kind cursor session { title rig { name } } } }`;
    const slow = events(place, { query: wide }, { before: gate.promise });
    await slow.begun;
    const quick = await follow(place, wide);
    await sql.query(`insert into lab.rig select 9, repeat('r', 19000)`);
    await sql.query(
      `insert into lab.session (session_id, title, mood, rig_id) select 100000 + i, 'x', 'CALM', 9 from generate_series(1, 600) i`,
    );
    await quick.until(600);
    quick.stop();
    gate.resolve();
    const told = await slow.until(600);
    expect(told.map(({ data }) => key(data.sessionChanged))).toEqual(
      Array.from({ length: 600 }, (_, index) => 100_001 + index),
    );
    slow.stop();
  });
});

describe("ten thousand rows at once", () => {
  it("are one mutation, and as many changes", async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      sessionId: 200_000 + index,
      title: `t${index}`,
      mood: "CALM",
    }));
    const followed = await follow(
      place,
      `subscription ($where: SessionFilter) { sessionChanged(where: $where) { kind id session { title } } }`,
      { variables: { where: { sessionId: { gte: 200_000 } } } },
    );
    await place.ask(`mutation ($rows: [CreateSessionInput!]!) { createSessions(rows: $rows) { count } }`, {
      rows,
    });
    const changes = await followed.until(10_000);
    expect(changes.map(({ session }) => session.title)).toEqual(rows.map(({ title }) => title));
    expect(new Set(changes.map(({ kind }) => kind))).toEqual(new Set(["CREATED"]));
    followed.stop();
  });
});
