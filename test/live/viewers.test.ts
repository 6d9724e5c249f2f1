/** Subscriptions beside row rules and added fields: nobody is told of a row that they may not see, and functions are told who asks. */

import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ApiContext, createEntityApi, type EntityApi } from "../../src/api/api.ts";
import { createChangeFeed } from "../../src/api/live/feed.ts";
import type { LiveResult } from "../../src/api/live/live.ts";
import { claim } from "../../src/api/row-rule-template.ts";
import type { LiveSlot, ResultStream } from "../../src/api/write/contract.ts";
import { defineExtension } from "../../src/extend/contract.ts";
import { type Answer, anyone, openLaboratory } from "../api/laboratory.ts";

const lab = await openLaboratory(`
  type Subject @table { subject: Int! @key  lab: String!  name: String! }
  type Session @table { subject: Subject! @key  idx: Int! @key  score: Int }
`);
const inLab = { lab: { in: claim("labs") } };
const rowRules = {
  roles: { member: { Subject: inLab, Session: { subject: inLab } } },
  viewer: ({ principal }: ApiContext) => ({
    role: "member",
    claims: { labs: principal.name.split(" ") },
  }),
};
const definition = defineExtension({
  typeDefs: "extend type Subject { greeting: String! }",
  fields: {
    Subject: {
      greeting: {
        needs: "{ name }",
        resolve: (row, _, { principal }) => `${row["name"]} for ${principal.name}`,
      },
    },
  },
});
const extension = { extension: definition, file: join(import.meta.dirname, "extensions.ts"), source: "" };
const log = { error: () => {}, warn: () => {} };
const feed = createChangeFeed({
  db: lab.db,
  retention: { keptSeconds: 600, maxEntries: 10_000 },
  listens: true,
  log,
});
const { model, registry, db, objects, stores } = lab;
const shared = { model, registry, db, objects, stores, log, changes: feed };
const ruled = createEntityApi({ ...shared, rowRules });
const extended = createEntityApi({ ...shared, extension });

beforeAll(async () => {
  await ruled.server.start();
  await extended.server.start();
});
afterAll(async () => {
  await ruled.server.stop();
  await extended.server.stop();
  await feed.close();
});
beforeEach(async () => {
  await lab.db.query("DELETE FROM lab.session");
  await lab.db.query("DELETE FROM lab.subject");
  await lab.db.query("INSERT INTO lab.subject VALUES (1, 'north', 'ann'), (2, 'south', 'bea')");
});

const of = (name: string): ApiContext => ({ ...anyone, principal: { ...anyone.principal, name } });

async function follow(api: EntityApi, name: string, query: string): Promise<ResultStream> {
  const live: LiveSlot = {};
  const answer = await api.execute({ query }, { ...of(name), live });
  if (live.stream === undefined) throw new Error(JSON.stringify(answer));
  return live.stream;
}

/** The next changes, up to the one that `last` knows. */
async function until(stream: ResultStream, last: (data: Answer) => boolean): Promise<LiveResult["data"][]> {
  const found: LiveResult["data"][] = [];
  // A loop over the stream would end it.
  for (;;) {
    const { value } = await stream.next();
    if (value === undefined) throw new Error("The stream has ended.");
    const { data, errors } = value as LiveResult;
    expect(errors).toBeUndefined();
    found.push(data);
    if (last(Object.values(data)[0])) return found;
  }
}

test("a viewer is told of the rows in sight, of those that come into it and of those that leave it", async () => {
  const text =
    "subscription { subjectChanged { kind matches subject { subject name sessions { totalCount } } } }";
  const north = await follow(ruled, "north", text);
  const both = await follow(ruled, "north south", text);
  // What was committed just before a subscription may be told as well.
  await lab.db.query("INSERT INTO lab.subject VALUES (9, 'north', 'begin')");
  const isBegin = ({ subject }: Answer) => subject?.name === "begin";
  await until(north, isBegin);
  await until(both, isBegin);
  const told: unknown[] = [];
  const after = async (...statements: string[]) => {
    for (const statement of statements) await lab.db.query(statement);
    const [{ subjectChanged: one } = {}]: Answer[] = await until(north, () => true);
    const { kind, matches, subject } = one;
    told.push([kind, matches, subject && `${subject.name}${subject.sessions.totalCount}`]);
  };
  await lab.db.query("INSERT INTO lab.session VALUES (1, 1, 5), (2, 1, 6)");
  await after("INSERT INTO lab.subject VALUES (3, 'south', 'cid'), (4, 'north', 'dan')");
  await after("UPDATE lab.subject SET name = name || '!' WHERE subject IN (1, 2)");
  await after("UPDATE lab.subject SET lab = 'south' WHERE subject = 4");
  await after(
    "UPDATE lab.subject SET name = 'dan!' WHERE subject = 4",
    "UPDATE lab.subject SET lab = 'north' WHERE subject = 3",
  );
  await after("DELETE FROM lab.subject WHERE subject = 4", "DELETE FROM lab.subject WHERE subject = 3");
  expect(told).toEqual([
    ["CREATED", true, "dan0"],
    ["UPDATED", true, "ann!1"],
    ["UPDATED", false, null],
    ["UPDATED", true, "cid0"],
    ["DELETED", false, null],
  ]);
  let deleted = 0;
  const seen = await until(both, ({ kind }: Answer) => kind === "DELETED" && ++deleted === 2);
  expect(seen).toHaveLength(9);
}, 20_000);

test("a filter through hidden rows finds nothing", async () => {
  const through = await follow(
    ruled,
    "north",
    'subscription { sessionChanged(where: {subject: {name: {eq: "bea"}}}) { session { idx } } }',
  );
  const all = await follow(ruled, "north", "subscription { sessionChanged { session { idx } } }");
  await lab.db.query("INSERT INTO lab.session VALUES (2, 7, 0), (1, 8, 0)");
  // What was deleted just before may still be told.
  const isThere = ({ session }: Answer) => session !== null;
  expect((await until(all, isThere)).slice(-1)).toEqual([{ sessionChanged: { session: { idx: 8 } } }]);
  await lab.db.query("UPDATE lab.subject SET lab = 'north' WHERE subject = 2");
  await lab.db.query("UPDATE lab.session SET score = 1 WHERE subject = 2");
  expect((await until(through, isThere)).slice(-1)).toEqual([{ sessionChanged: { session: { idx: 7 } } }]);
});

test("added fields are answered for who subscribes", async () => {
  const text = "subscription { subjectChanged { subject { name greeting } } }";
  const [one, two] = [await follow(extended, "eve", text), await follow(extended, "fay", text)];
  await lab.db.query("INSERT INTO lab.subject VALUES (5, 'east', 'gus')");
  const told = (greeting: string) => [{ subjectChanged: { subject: { name: "gus", greeting } } }];
  const isNew = ({ subject }: Answer) => subject?.name === "gus";
  expect((await until(one, isNew)).slice(-1)).toEqual(told("gus for eve"));
  expect((await until(two, isNew)).slice(-1)).toEqual(told("gus for fay"));
});
