/** What subscriptions are told, of every kind of change, whoever made it. */

import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, follow, openPlace, type Place, stranger } from "./laboratory.ts";

let place: Place;
let sql: Awaited<ReturnType<typeof stranger>>;

beforeAll(async () => {
  place = await openPlace();
  sql = await stranger(place.databaseUrl);
  await sql.query(`insert into lab.rig values (1, 'one'), (2, 'two')`);
});

const whole = `subscription ($where: SessionFilter, $after: String) {
  sessionChanged(where: $where, after: $after) {
    kind id matches at cursor
    session { sessionId title mood big startedAt rig { name } notes { name sizeBytes } files { name } trials { totalCount } }
  }
}`;

/** Kind, title or null, and whether it fits. */
function brief(changes: readonly Answer[]): unknown[] {
  return changes.map(({ kind, session, matches }) => [kind, session?.title ?? null, matches]);
}

async function clear(): Promise<void> {
  await sql.query("delete from lab.trial; delete from lab.session__files; delete from lab.session");
}

describe("a subscription", () => {
  it("tells what Holdfast creates, updates and deletes, with the row as a query would", async () => {
    const followed = await follow(place, whole);
    await place.ask(
      `mutation { createSession(input: {sessionId: 1, rig: {key: {rigId: 1}}, title: "a", mood: WILD, big: "9007199254740993", startedAt: "2026-01-02T03:04:05.5Z"}) { session { id } } }`,
    );
    await followed.until(1);
    await place.ask(`mutation { updateSession(key: {sessionId: 1}, set: {title: "b"}) { session { id } } }`);
    await followed.until(2);
    await place.ask(`mutation { deleteSession(key: {sessionId: 1}) { session { id } } }`);
    const [created, updated, deleted] = await followed.until(3);
    expect(created).toMatchObject({
      kind: "CREATED",
      matches: true,
      session: {
        sessionId: 1,
        title: "a",
        mood: "WILD",
        big: "9007199254740993",
        startedAt: "2026-01-02T03:04:05.5Z",
        rig: { name: "one" },
        notes: null,
        files: [],
        trials: { totalCount: 0 },
      },
    });
    expect(created.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(updated).toMatchObject({ kind: "UPDATED", matches: true, session: { title: "b" } });
    expect(deleted).toMatchObject({ kind: "DELETED", matches: false, session: null });
    const { node } = await place.ask(`{ node(id: ${JSON.stringify(created.id)}) { id } }`);
    expect(node).toBeNull();
    expect(new Set([created.id, updated.id, deleted.id]).size).toBe(1);
    expect(Buffer.from(created.id, "base64").toString()).toBe('["Session", "1"]');
    followed.stop();
  });

  it("tells what other programs write, one change a row, and nothing of what was rolled back", async () => {
    const followed = await follow(place, whole);
    await sql.query(
      `insert into lab.session (session_id, title, mood) values (10, 'x', 'CALM'), (11, 'y', 'WILD')`,
    );
    await sql.query(
      "begin; insert into lab.session (session_id, title, mood) values (12, 'never', 'CALM'); rollback",
    );
    await sql.query(`update lab.session set title = title || '!' where session_id in (10, 11)`);
    await sql.query("delete from lab.session where session_id = 11");
    await sql.query("update lab.session set title = 'none' where false; delete from lab.session where false");
    expect((await followed.until(5)).map(({ kind }) => kind)).toEqual([
      "CREATED",
      "CREATED",
      "UPDATED",
      "UPDATED",
      "DELETED",
    ]);
    await sql.query(`insert into lab.session (session_id, title, mood) values (13, 'last', 'CALM')`);
    expect((await followed.until(6))[5]).toMatchObject({ kind: "CREATED", session: { title: "last" } });
    followed.stop();
    await clear();
  });

  it("takes COPY, MERGE, ON CONFLICT and changed keys for what they do to rows", async () => {
    const followed = await follow(place, "subscription { sessionChanged { kind id } }");
    const ids = () =>
      followed.got.map(({ kind, id }) => `${kind} ${JSON.parse(Buffer.from(id, "base64").toString())[1]}`);
    await sql.query(`insert into lab.session (session_id, title, mood) values (20, 'a', 'CALM')`);
    await sql.query(
      `insert into lab.session (session_id, title, mood) values (20, 'b', 'CALM'), (21, 'c', 'CALM') on conflict (session_id) do update set title = excluded.title`,
    );
    await sql.query("update lab.session set session_id = session_id + 100");
    await sql.query(
      `merge into lab.session s using (values (120), (121), (30)) v(id) on s.session_id = v.id when matched and v.id = 121 then delete when matched then update set title = 'm' when not matched then insert (session_id, title, mood) values (v.id, 'n', 'WILD')`,
    );
    await followed.until(10);
    expect(ids().slice(0, 3).sort()).toEqual(["CREATED 20", "CREATED 21", "UPDATED 20"]);
    expect(ids().slice(3, 7).sort()).toEqual(["CREATED 120", "CREATED 121", "DELETED 20", "DELETED 21"]);
    expect(ids().slice(7).sort()).toEqual(["CREATED 30", "DELETED 121", "UPDATED 120"]);
    followed.stop();
    await clear();
  });

  it("counts what changes in a list of codec values as an update of its row", async () => {
    const { createUpload } = await place.ask(
      `mutation { createUpload(input: {target: {type: "Session", field: "files"}, filename: "a.txt"}) { id url } }`,
    );
    await fetch(createUpload.url, { method: "PUT", body: "hello" });
    const followed = await follow(place, whole);
    await place.ask(
      `mutation ($id: ID!) { completeUpload(id: $id) { id } createSession(input: {sessionId: 40, title: "with files", mood: CALM, files: [{upload: $id}]}) { session { id } } }`,
      { id: createUpload.id },
    );
    const [created, updated] = await followed.until(2);
    expect(created).toMatchObject({ kind: "CREATED", session: { files: [{ name: "a.txt" }] } });
    expect(updated).toMatchObject({
      kind: "UPDATED",
      id: created.id,
      session: { files: [{ name: "a.txt" }] },
    });
    followed.stop();
  });

  it("ends where a table is emptied by TRUNCATE, which names no rows", async () => {
    const followed = await follow(place, "subscription { trialChanged { kind id } }");
    await sql.query("truncate lab.trial");
    await followed.ended;
    expect(followed.errors).toMatchObject([
      {
        message: expect.stringContaining("TRUNCATE"),
        extensions: { code: "CHANGES_GONE", retryable: false },
      },
    ]);
  });
});

describe("the triggers", () => {
  it("are left out, without a fault, on tables of somebody who does not allow them", async () => {
    const role = `r_${Date.now()}`;
    await sql.query(
      `create table lab.foreign_table (id int primary key); create role ${role}; grant usage on schema lab, holdfast to ${role}`,
    );
    await sql.query(`set role ${role}`);
    await sql.query(`select holdfast.watch('lab.foreign_table')`);
    await sql.query("reset role");
    const triggers = "select tgname from pg_trigger where tgrelid = 'lab.foreign_table'::regclass order by 1";
    expect((await sql.query(triggers)).rows).toEqual([]);
    await sql.query(`grant select, insert, trigger on lab.foreign_table to ${role}; set role ${role}`);
    await sql.query(`select holdfast.watch('lab.foreign_table')`);
    await sql.query("insert into lab.foreign_table values (7)");
    await sql.query("reset role");
    expect((await sql.query(triggers)).rows.length).toBe(4);
    const { rows } = await sql.query(
      "select operation, rows from holdfast.change where table_name = 'foreign_table'",
    );
    expect(rows).toEqual([{ operation: "INSERT", rows: [[7]] }]);
    await sql.query(`drop table lab.foreign_table; drop owned by ${role}; drop role ${role}`);
  });
});

describe("where", () => {
  it("tells of rows that fit, that come to fit, and that did and do no more", async () => {
    await clear();
    const followed = await follow(place, whole, {
      variables: { where: { mood: { eq: "WILD" }, title: { startsWith: "a" } } },
    });
    await sql.query(
      `insert into lab.session (session_id, title, mood) values (1, 'a', 'WILD'), (2, 'a', 'CALM'), (3, 'b', 'WILD')`,
    );
    await followed.until(1);
    await sql.query("update lab.session set mood = 'WILD' where session_id = 2");
    await followed.until(2);
    await sql.query("update lab.session set weight = 3 where session_id = 3");
    await sql.query("update lab.session set title = 'c' where session_id = 1");
    await followed.until(3);
    await sql.query("delete from lab.session where session_id in (1, 3)");
    await sql.query("delete from lab.session where session_id = 2");
    expect(brief(await followed.until(4))).toEqual([
      ["CREATED", "a", true],
      ["UPDATED", "a", true],
      ["UPDATED", "c", false],
      ["DELETED", null, false],
    ]);
    expect(Buffer.from(followed.got[3].id, "base64").toString()).toBe('["Session", "2"]');
    followed.stop();
  });

  it("looks at related rows, at children, and at what codecs tell", async () => {
    await clear();
    const byRig = await follow(place, whole, { variables: { where: { rig: { name: { eq: "two" } } } } });
    const byTrial = await follow(place, whole, {
      variables: { where: { or: [{ trials: { some: { score: { gt: 1 } } } }, { title: { eq: "mark" } }] } },
    });
    const byNotes = await follow(place, whole, {
      variables: { where: { notes: { name: { eq: "n.txt" } } } },
    });
    const { createUpload } = await place.ask(
      `mutation { createUpload(input: {target: {type: "Session", field: "notes"}, filename: "n.txt"}) { id url } }`,
    );
    await fetch(createUpload.url, { method: "PUT", body: "hello" });
    await place.ask(
      `mutation ($id: ID!) { completeUpload(id: $id) { id } createSession(input: {sessionId: 50, title: "n", mood: CALM, notes: {upload: $id}}) { session { id } } }`,
      { id: createUpload.id },
    );
    expect(await byNotes.until(1)).toMatchObject([
      { kind: "CREATED", session: { notes: { name: "n.txt" } } },
    ]);
    await sql.query(
      "insert into lab.session (session_id, title, mood, rig_id) values (51, 'r', 'CALM', 2), (52, 's', 'CALM', 1)",
    );
    expect(brief(await byRig.until(1))).toEqual([["CREATED", "r", true]]);
    await sql.query("update lab.session set rig_id = 1 where session_id = 51");
    expect(brief(await byRig.until(2))[1]).toEqual(["UPDATED", "r", false]);
    // A change is told of the row as it is when its turn comes: those before must have had theirs.
    await sql.query("insert into lab.session (session_id, title, mood) values (53, 'mark', 'CALM')");
    expect(brief(await byTrial.until(1))).toEqual([["CREATED", "mark", true]]);
    await sql.query("insert into lab.trial values (51, 1, 2.5)");
    await sql.query("update lab.session set title = 't' where session_id in (51, 52)");
    expect(brief(await byTrial.until(2))[1]).toEqual(["UPDATED", "t", true]);
    await place.ask(
      `mutation { updateSession(key: {sessionId: 50}, set: {notes: null}) { session { id } } }`,
    );
    expect(brief(await byNotes.until(2))[1]).toEqual(["UPDATED", "n", false]);
    for (const followed of [byRig, byTrial, byNotes]) followed.stop();
  });

  it("tells, rather than keeps still, where an old value was too large to be recorded", async () => {
    await clear();
    await sql.query(
      "insert into lab.rig select 3, string_agg(md5(i::text), '') from generate_series(1, 200) i",
    );
    const followed = await follow(
      place,
      `subscription { rigChanged(where: {name: {startsWith: "zzz"}}) { kind matches } }`,
    );
    await sql.query("update lab.rig set name = 'short' where rig_id = 3");
    await followed.until(1);
    await sql.query("update lab.rig set name = 'shorter' where rig_id = 3");
    // A change is told with the row as it is then: what comes next waits until this one was looked at.
    await sql.query("insert into lab.rig values (4, 'zzz 4')");
    await followed.until(2);
    await sql.query("update lab.rig set name = 'zzz' where rig_id = 3");
    expect(await followed.until(3)).toEqual([
      { kind: "UPDATED", matches: false },
      { kind: "CREATED", matches: true },
      { kind: "UPDATED", matches: true },
    ]);
    followed.stop();
  });
});
