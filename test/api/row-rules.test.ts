/** Row rules: on every way that leads to a row, what the viewer may not see is not there. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ApiContext, createEntityApi } from "../../src/api/api.ts";
import { claim } from "../../src/api/row-rule-template.ts";
import type { RowRules } from "../../src/api/row-rules.ts";
import { type Answer, anyone, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Group @table { group: String! @key @column(type: "varchar(20)")  title: String }
  type Subject @table { subject: Int! @key  group: Group!  name: String! @unique  weight: Float! @column(default: 1)  settings: JSON }
  type Session @table { subject: Subject! @key  idx: Int! @key  score: Float  partner: Subject @reference(columns: ["partner_id"]) @reverse(name: "partnerOf") }
  type Card @table { subject: Subject! @key  text: String }
`);

const ofGroups = { group: { group: { in: claim("groups") } } };
const rowRules: RowRules = {
  roles: {
    /** Subjects of the viewer's groups, and what belongs to them. */
    member: { Subject: ofGroups, Session: { subject: ofGroups }, Card: { subject: ofGroups } },
    /** Hides subjects only: what refers to them stays. */
    blind: { Subject: ofGroups },
    /** A rule that leads through rows which another rule hides. */
    through: { Group: { group: { eq: claim("group") } }, Subject: { group: { title: { eq: "first" } } } },
    everything: {},
  },
  viewer: ({ principal }) => JSON.parse(principal.name),
};
const statements: string[] = [];
const db = {
  ...lab.db,
  query: (...asked: Parameters<typeof lab.db.query>) => {
    statements.push(asked[0]);
    return lab.db.query(...asked);
  },
} as typeof lab.db;
const { model, registry, objects, stores } = lab;
const log = { error: () => {} };
const make = (rules: RowRules | undefined) =>
  createEntityApi({ model, registry, db, objects, stores, log, rowRules: rules });
const api = make(rowRules);
const open = make(undefined);

beforeAll(async () => {
  await api.server.start();
  await open.server.start();
});
afterAll(async () => {
  await api.server.stop();
  await open.server.stop();
});

beforeEach(async () => {
  await lab.db.query(`TRUNCATE lab."group" CASCADE`);
  await lab.db.query(`INSERT INTO lab."group" VALUES ('g1', 'first'), ('g2', 'second')`);
  await lab.db.query(
    `INSERT INTO lab.subject (subject, "group", name, settings) VALUES (1, 'g1', 'ann', '{"secret": 1}'), (2, 'g2', 'bea', '{"secret": 2}'), (3, 'g1', 'cid', NULL), (4, 'g2', 'dan', NULL)`,
  );
  await lab.db.query(
    `INSERT INTO lab.session (subject, idx, score, partner_id) VALUES (1, 1, 1, 2), (1, 2, 2, 3), (2, 1, 10, 1), (2, 2, 20, NULL), (3, 1, 3, 4), (4, 1, 40, NULL)`,
  );
  await lab.db.query(`INSERT INTO lab.card (subject, text) VALUES (1, 'one'), (2, 'two')`);
  statements.length = 0;
});

type Claims = Record<string, unknown>;
const as = (role: string, claims: Claims): ApiContext => ({
  ...anyone,
  principal: { ...anyone.principal, name: JSON.stringify({ role, claims }) },
});
const member = as("member", { groups: ["g1"] });
const blind = as("blind", { groups: ["g1"] });

const answer = (who: ApiContext, query: string, variables: Claims = {}) =>
  api.execute({ query, variables }, who) as Promise<Answer>;
async function ask(who: ApiContext, query: string, variables: Claims = {}): Promise<Answer> {
  const { data, errors } = await answer(who, query, variables);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}
const subjects = async (who: ApiContext, args: string) =>
  (await ask(who, `{ subjects${args} { nodes { subject } } }`)).subjects.nodes.map(
    (one: Answer) => one.subject,
  );
const sessions = async (who: ApiContext, args: string) =>
  (await ask(who, `{ sessions${args} { nodes { idx score } } }`)).sessions.nodes.map(
    (one: Answer) => one.score,
  );

describe("reading under rules", () => {
  test("lists, counts and pages", async () => {
    const data = await ask(
      member,
      "{ subjects(first: 1) { totalCount nodes { name } edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }",
    );
    expect(data.subjects).toMatchObject({
      totalCount: 2,
      nodes: [{ name: "ann" }],
      pageInfo: { hasNextPage: true },
    });
    const next = `(first: 5, after: "${data.subjects.pageInfo.endCursor}")`;
    expect(await subjects(member, next)).toEqual([3]);
    const tail = await ask(member, `{ subjects${next} { pageInfo { hasNextPage hasPreviousPage } } }`);
    expect(tail.subjects.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true });
    const stepped = await ask(
      as("member", { groups: ["g2"] }),
      "{ subjects(offset: 1) { nodes { subject } pageInfo { hasPreviousPage } } }",
    );
    expect(stepped.subjects).toEqual({ nodes: [{ subject: 4 }], pageInfo: { hasPreviousPage: true } });
    const none = "{ subjects(offset: 1) { pageInfo { hasPreviousPage } } }";
    expect((await ask(as("member", { groups: [] }), none)).subjects.pageInfo).toEqual({
      hasPreviousPage: false,
    });
    const { subjects: one } = await ask(
      as("everything", {}),
      "{ subjects(first: 1) { pageInfo { endCursor } } }",
    );
    const behind = await ask(
      as("member", { groups: ["g2"] }),
      `{ subjects(first: 9, after: "${one.pageInfo.endCursor}") { nodes { subject } pageInfo { hasPreviousPage } } }`,
    );
    expect(behind.subjects).toEqual({
      nodes: [{ subject: 2 }, { subject: 4 }],
      pageInfo: { hasPreviousPage: false },
    });
  });

  test("one row by key and by a unique", async () => {
    const query = `{ a: subject(subject: 1) { name rowVersion } b: subject(subject: 2) { name } c: subjectByName(name: "bea") { name } d: session(subject: 2, idx: 1) { score } }`;
    expect(await ask(member, query)).toEqual({
      a: { name: "ann", rowVersion: expect.any(String) },
      b: null,
      c: null,
      d: null,
    });
  });

  test("node and nodes", async () => {
    const { subjects: all } = await ask(as("everything", {}), "{ subjects { nodes { id } } }");
    const ids = all.nodes.map((one: Answer) => one.id);
    const data = await ask(
      member,
      "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { ... on Subject { name } } node(id: $id) { id } }",
      {
        ids,
        id: ids[1],
      },
    );
    expect(data).toEqual({ nodes: [{ name: "ann" }, null, { name: "cid" }, null], node: null });
  });

  test("a hidden target reads as null, and the schema says so", async () => {
    const data = await ask(
      blind,
      "{ sessions { nodes { score subject { name group { title } } partner { name } } } }",
    );
    expect(data.sessions.nodes).toEqual([
      { score: 1, subject: { name: "ann", group: { title: "first" } }, partner: null },
      { score: 2, subject: { name: "ann", group: { title: "first" } }, partner: { name: "cid" } },
      { score: 10, subject: null, partner: { name: "ann" } },
      { score: 20, subject: null, partner: null },
      { score: 3, subject: { name: "cid", group: { title: "first" } }, partner: null },
      { score: 40, subject: null, partner: null },
    ]);
    const fieldsOf = (sdl: string, type: string) =>
      new RegExp(`type ${type} implements Node \\{[^}]*\\}`).exec(sdl)?.[0];
    expect(fieldsOf(api.sdl, "Session")).toMatch(/subject: Subject$/m);
    expect(fieldsOf(open.sdl, "Session")).toMatch(/subject: Subject!$/m);
    // What is written needs its reference nevertheless.
    expect(api.sdl).toContain("subject: SubjectReferenceInput!");
  });

  test("a fault inside of a target that may be hidden ends there", async () => {
    await lab.db.query("UPDATE lab.subject SET weight = 'NaN' WHERE subject = 1");
    const { data, errors } = await answer(
      blind,
      "{ sessions(first: 1) { nodes { score subject { weight } } } }",
    );
    expect(data).toEqual({ sessions: { nodes: [{ score: 1, subject: null }] } });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ path: ["sessions", "nodes", 0, "subject", "weight"] });
  });

  test("children: lists, counts, one-to-one", async () => {
    const query =
      "{ groups { nodes { group subjects { totalCount nodes { name card { text } partnerOf { totalCount } sessions { totalCount } } } } } }";
    expect((await ask(member, query)).groups.nodes).toEqual([
      {
        group: "g1",
        subjects: {
          totalCount: 2,
          nodes: [
            { name: "ann", card: { text: "one" }, partnerOf: { totalCount: 0 }, sessions: { totalCount: 2 } },
            { name: "cid", card: null, partnerOf: { totalCount: 1 }, sessions: { totalCount: 1 } },
          ],
        },
      },
      { group: "g2", subjects: { totalCount: 0, nodes: [] } },
    ]);
  });

  test("aggregates and groups", async () => {
    const told = "aggregate { count sum { score } avg { score } max { score } }";
    const data = await ask(
      member,
      `{ sessions { ${told} groupBy(by: [IDX], having: {count: {gt: 0}}, orderBy: [{count: DESC}]) { key { idx } ${told} } } groups { nodes { subjects { aggregate { count } } } } }`,
    );
    expect(data.sessions.aggregate).toEqual({
      count: 3,
      sum: { score: 6 },
      avg: { score: 2 },
      max: { score: 3 },
    });
    expect(
      data.sessions.groupBy.map((one: Answer) => [one.key.idx, one.aggregate.count, one.aggregate.sum.score]),
    ).toEqual([
      [1, 2, 4],
      [2, 1, 2],
    ]);
    expect(data.groups.nodes.map((one: Answer) => one.subjects.aggregate.count)).toEqual([2, 0]);
  });

  test.each<readonly [string, readonly number[]]>([
    ['(where: {partner: {name: {eq: "bea"}}})', []],
    ['(where: {partner: {settings: {at: [{path: ["secret"], gt: 0}]}}})', [10]],
    ['(where: {subject: {name: {startsWith: "b"}}})', []],
    ["(where: {not: {subject: {}}})", [10, 20, 40]],
    ["(where: {not: {partner: {}}})", [1, 20, 3, 40]],
  ])("filters through references do not see what is hidden: %s", async (args, expected) => {
    expect(await sessions(blind, args)).toEqual(expected);
  });

  test.each<readonly [string, readonly number[]]>([
    ["{partnerOf: {some: {score: {gte: 10}}}}", []],
    ["{partnerOf: {none: {score: {gte: 10}}}}", [1, 3]],
    ["{partnerOf: {every: {score: {lt: 10}}}}", [1, 3]],
    ['{card: {text: {eq: "two"}}}', []],
    ['{group: {subjects: {some: {name: {eq: "bea"}}}}}', []],
    ['{or: [{name: {eq: "bea"}}, {not: {name: {eq: "bea"}}}]}', [1, 3]],
  ])("filters through children do not see what is hidden: %s", async (where, expected) => {
    expect(await subjects(member, `(where: ${where})`)).toEqual(expected);
  });

  test("orders: hidden targets have no value, and cursors hold", async () => {
    expect(await sessions(blind, "(orderBy: [{subject: {name: DESC_NULLS_LAST}}])")).toEqual([
      3, 1, 2, 10, 20, 40,
    ]);
    // By the key of what is hidden neither, although the row has it.
    expect(await sessions(blind, "(orderBy: [{subject: {subject: ASC}}, {score: DESC}])")).toEqual([
      2, 1, 3, 40, 20, 10,
    ]);
    const seen: number[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { sessions: page }: Answer = await ask(
        blind,
        "query($after: String) { sessions(first: 2, after: $after, orderBy: [{subject: {subject: ASC}}, {score: DESC}]) { nodes { score } pageInfo { endCursor hasNextPage } } }",
        { after },
      );
      seen.push(...page.nodes.map((one: Answer) => one.score));
      after = page.pageInfo.endCursor;
      more = page.pageInfo.hasNextPage;
    }
    expect(seen).toEqual([2, 1, 3, 40, 20, 10]);
  });

  test("orders by children count visible ones only", async () => {
    await lab.db.query(
      "INSERT INTO lab.session (subject, idx, score, partner_id) VALUES (2, 3, 99, 3), (4, 2, 98, 3)",
    );
    expect(await subjects(member, "(orderBy: [{partnerOf: {count: DESC}}, {subject: DESC}])")).toEqual([
      3, 1,
    ]);
    expect(await subjects(member, "(orderBy: [{partnerOf: {max: {score: DESC_NULLS_LAST}}}])")).toEqual([
      3, 1,
    ]);
    const groups = await ask(member, "{ groups(orderBy: [{subjects: {count: ASC}}]) { nodes { group } } }");
    expect(groups.groups.nodes).toEqual([{ group: "g2" }, { group: "g1" }]);
  });

  test("a rule sees all rows, those that another rule hides too", async () => {
    const data = await ask(
      as("through", { group: "g2" }),
      "{ groups { nodes { group } } subjects { nodes { name group { title } } } }",
    );
    expect(data.groups.nodes).toEqual([{ group: "g2" }]);
    expect(data.subjects.nodes).toEqual([
      { name: "ann", group: null },
      { name: "cid", group: null },
    ]);
  });
});

describe("rules and statements", () => {
  const query = `{ subjects(where: {sessions: {some: {score: {gt: 0}}}}) { nodes { name sessions { totalCount } } } }`;

  test("claims are parameters: one text for all viewers of a role, without their values", async () => {
    for (const groups of [["g1"], ["g1", "g2"], [], ["'; DROP TABLE lab.subject; --"]])
      await ask(as("member", { groups }), query);
    expect(new Set(statements).size).toBe(1);
    expect(statements.join()).not.toMatch(/DROP|g1/);
    expect(await subjects(as("member", { groups: [] }), "")).toEqual([]);
  });

  test("roles never share a statement", async () => {
    for (const [role, names] of [
      ["everything", ["ann", "bea", "cid", "dan"]],
      ["member", ["ann", "cid"]],
      ["everything", ["ann", "bea", "cid", "dan"]],
      ["blind", ["ann", "cid"]],
    ] as const) {
      const data = await ask(as(role, { groups: ["g1"] }), query);
      expect(data.subjects.nodes.map((one: Answer) => one.name)).toEqual(names);
    }
    expect(new Set(statements).size).toBe(3);
  });

  test("without a rule the statement is what it is without rules", async () => {
    await ask(as("everything", {}), query);
    await open.execute({ query }, anyone);
    expect(new Set(statements).size).toBe(1);
  });

  test("one place names the tables of a SELECT", () => {
    const folder = join(import.meta.dirname, "../../src/sql");
    const naming = readdirSync(folder).filter(
      (file) =>
        file.startsWith("select") && /qualified\(entity/.test(readFileSync(join(folder, file), "utf8")),
    );
    // The others name a row type, for json_populate_record.
    expect(naming).toEqual(["select-builder.ts", "select-change.ts", "select-match.ts"]);
  });

  test.each<readonly [string, string, Claims]>([
    ["a role without rules", "nobody", { groups: ["g1"] }],
    ["a missing claim", "member", {}],
    ["a claim that is null", "member", { groups: null }],
    ["a claim of another type", "member", { groups: [{ a: 1 }] }],
    ["a text that PostgreSQL cannot take", "member", { groups: ["a\0"] }],
    ["a claim that everything inherits", "member", { __proto__: { groups: ["g1"] } }],
  ])("%s is refused, and nothing is asked", async (_, role, claims) => {
    for (const document of [query, `mutation { deleteSubjects(where: {}, atMost: 9) { count } }`]) {
      const { data, errors } = await answer(as(role, claims), document);
      expect(errors[0].extensions.code).toBe("FORBIDDEN");
      expect(data ?? null).toBeNull();
    }
    expect(statements.filter((text) => text.includes("subject"))).toEqual([]);
    expect(await subjects(as("everything", {}), "")).toHaveLength(4);
  });

  test.each<readonly [string, unknown, string]>([
    ["Nothing", {}, "no such entity"],
    ["Node", {}, "no such entity"],
    ["Subject", { nme: { eq: "a" } }, "Subject.nme: there is no such field"],
    ["Subject", { name: { eq: 7 } }, "Subject.name.eq: String cannot represent"],
    ["Subject", { name: { eq: null } }, "Subject.name.eq: there is no value"],
    ["Subject", { name: { isNull: claim("x") } }, "a claim can only be"],
    ["Subject", { name: claim("x") }, "a claim can only be"],
    ["Subject", { or: claim("x") }, "a claim can only be"],
    ["Subject", { settings: { at: [{ eq: 1 }] } }, "Subject.settings.at.0.path: it is missing"],
  ])("a wrong rule for %s is told when the API is made: %j", (entity, filter, fault) => {
    const wrong = { ...rowRules, roles: { r: { [entity]: filter } } };
    expect(() => make(wrong)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => make(wrong)).toThrow(fault);
  });

  test("claims may be operands of JSON paths", async () => {
    const rules = { Subject: { settings: { at: [{ path: ["secret"], eq: claim("secret") }] } } };
    const own = make({ ...rowRules, roles: { keeper: rules } });
    await own.server.start();
    for (const [secret, subject] of [
      [1, 1],
      [2, 2],
    ]) {
      const found: Answer = await own.execute(
        { query: "{ subjects { nodes { subject } } }" },
        as("keeper", { secret }),
      );
      expect(found.data.subjects.nodes).toEqual([{ subject }]);
    }
    await own.server.stop();
  });
});

describe("writing under rules", () => {
  test("updates and deletes of many touch what the viewer sees, and atMost counts that", async () => {
    const data = await ask(
      member,
      `mutation { updateSessions(where: {score: {gt: 0}}, atMost: 3, set: {score: 7}) { count sessions { score } } }`,
    );
    expect(data.updateSessions).toEqual({ count: 3, sessions: [{ score: 7 }, { score: 7 }, { score: 7 }] });
    expect(await sessions(as("everything", {}), "")).toEqual([7, 7, 10, 20, 7, 40]);
    const { errors } = await answer(member, "mutation { deleteSessions(where: {}, atMost: 2) { count } }");
    expect(errors[0].message).toContain("3 rows of Session fit");
    expect(
      (await ask(member, "mutation { deleteSessions(where: {}, atMost: 3) { count sessions { idx } } }"))
        .deleteSessions.sessions,
    ).toHaveLength(3);
    expect(await sessions(as("everything", {}), "")).toEqual([10, 20, 40]);
  });

  test("by key, a hidden row is not there", async () => {
    for (const change of [
      `updateSession(key: {subject: 2, idx: 1}, set: {score: 0}) { session { idx } }`,
      `deleteSession(key: {subject: 2, idx: 1}) { session { idx } }`,
    ]) {
      const { errors } = await answer(member, `mutation { ${change} }`);
      expect(errors[0]).toMatchObject({ extensions: { code: "NOT_FOUND" } });
    }
    const data = await ask(
      member,
      `mutation { updateSession(key: {subject: 1, idx: 1}, set: {score: 5}) { session { score } } }`,
    );
    expect(data.updateSession.session).toEqual({ score: 5 });
    expect(await sessions(as("everything", {}), "")).toEqual([5, 2, 10, 20, 3, 40]);
  });

  test("payloads show what the viewer sees, hidden parts of it not", async () => {
    const created = await ask(
      member,
      `mutation { createSubjects(rows: [{subject: 5, name: "eve", group: {key: {group: "g1"}}}, {subject: 6, name: "fay", group: {key: {group: "g2"}}}]) { count subjects { name } } }`,
    );
    expect(created.createSubjects).toEqual({ count: 2, subjects: [{ name: "eve" }] });
    const moved = await ask(
      member,
      `mutation { updateSubject(key: {subject: 5}, set: {group: {key: {group: "g2"}}}) { subject { name } } }`,
    );
    expect(moved.updateSubject).toEqual({ subject: null });
    const nested = await ask(
      blind,
      `mutation { updateSession(key: {subject: 3, idx: 1}, set: {score: 4}) { session { score partner { name } } } }`,
    );
    expect(nested.updateSession.session).toEqual({ score: 4, partner: null });
  });
});
