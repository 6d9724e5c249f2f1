import { beforeAll, describe, expect, it } from "vitest";
import { defineExtension, refuse } from "../../../src/extend/contract.ts";
import { openExtended } from "./laboratory.ts";

const calls: { name: string; rows: readonly unknown[]; args: unknown }[] = [];

const extension = defineExtension({
  typeDefs: /* GraphQL */ `
    extend type Session {
      ageDays: Float
      label(prefix: String! = "s", upper: Boolean): String!
      neighbours(first: Int! = 2): [Session!]!
      traceSum: Float
      keyText: String!
      exact: BigInt!
      ratioNeeded: Float!
      fails: Int
      failsHard: Int!
      summary: Summary!
    }
    type Summary { text: String! session: Session! twice(times: Int! = 2): Int! lazy: [Int!]! }
    extend type Subject { firstSession: Session }
    extend type Query { busiest: Subject everything: [Session!]! now(at: DateTime!): DateTime! hit(name: String!): Hit nodeOf(id: ID!): Node }
    union Hit = Subject | Summary
    interface Labelled { label(prefix: String! = "s"): String! }
    extend type Session implements Labelled
    type Tag implements Labelled { label(prefix: String! = "s"): String! }
    extend type Query { labelled: [Labelled!]! }
  `,
  fields: {
    Session: {
      ageDays: {
        needs: "{ startedAt subject { birth } }",
        resolve({ startedAt, subject }: { startedAt: string; subject: { birth: string | null } }) {
          if (subject.birth === null) return null;
          return (Date.parse(startedAt) - Date.parse(subject.birth)) / 86_400_000;
        },
      },
      label: {
        needs: "{ sessionIdx stage }",
        resolveMany(rows, args) {
          calls.push({ name: "label", rows, args });
          return rows.map(
            ({ sessionIdx, stage }) => `${args["prefix"]}${sessionIdx}${args["upper"] === true ? stage : ""}`,
          );
        },
      },
      neighbours: {
        async resolveMany(rows, { first }, { transaction }) {
          calls.push({ name: "neighbours", rows, args: { first } });
          const { rows: found } = await transaction.query<{ a: number; b: number; c: number }>(
            `SELECT u.i AS a, s.subject_id AS b, s.session_idx AS c FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS u(subject, idx, i)
             JOIN lab.session s ON s.subject_id = u.subject AND s.session_idx <> u.idx ORDER BY 1, 2, 3`,
            [rows.map((row) => row["subjectId"]), rows.map((row) => row["sessionIdx"])],
          );
          return rows.map((_, index) =>
            found
              .filter(({ a }) => Number(a) === index + 1)
              .slice(0, Number(first))
              .map(({ b, c }) => ({ subjectId: b, sessionIdx: c })),
          );
        },
      },
      traceSum: {
        needs: "{ trace { values } }",
        resolve({ trace }: { trace: { values: number[] } | null }) {
          return trace === null ? null : trace.values.reduce((sum, value) => sum + value, 0);
        },
      },
      keyText: { resolve: (row) => JSON.stringify(row) },
      exact: { needs: "{ count }", resolve: ({ count }) => BigInt(String(count ?? 1)) + 1n },
      ratioNeeded: { needs: "{ ratio }", resolve: ({ ratio }) => ratio },
      fails: {
        resolve: ({ sessionIdx }) => {
          if (sessionIdx === 1) throw new Error("the secret of session 1");
          return sessionIdx === 2 ? refuse("no second sessions", { field: "sessionIdx" }) : sessionIdx;
        },
      },
      failsHard: {
        resolveMany: async (rows) =>
          rows.map(({ sessionIdx }) => (sessionIdx === 2 ? new Error("two") : sessionIdx)),
      },
      summary: {
        needs: "{ id sessionIdx }",
        resolve: ({ id, sessionIdx }) => ({
          text: `number ${sessionIdx}`,
          session: id,
          twice: ({ times }: { times: number }) => Number(sessionIdx) * times,
          lazy: Promise.resolve([Promise.resolve(1), 2]),
        }),
      },
    },
    Subject: {
      firstSession: {
        needs: "{ sessions(first: 1) { nodes { id } } }",
        resolve: ({ sessions }: { sessions: { nodes: { id: string }[] } }) => sessions.nodes[0]?.id,
      },
    },
  },
  query: {
    async busiest(_, { transaction }) {
      const { rows } = await transaction.query<{ subject_id: number }>(
        "SELECT subject_id FROM lab.session GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
      );
      return rows[0] === undefined ? null : { subjectId: rows[0].subject_id };
    },
    async everything(_, { api }) {
      const { sessions } = await api.data<{ sessions: { nodes: { id: string }[] } }>(
        "{ sessions { nodes { id } } }",
      );
      return sessions.nodes;
    },
    now: ({ at }: { at: string }) => new Date(at),
    hit: ({ name }: { name: string }) =>
      name === "none"
        ? null
        : name === "text"
          ? { __typename: "Summary", text: "t" }
          : { __typename: "Subject", subjectId: 1 },
    labelled: () => [
      { __typename: "Tag", label: ({ prefix }: { prefix: string }) => `${prefix} tag` },
      { __typename: "Session", subjectId: 1, sessionIdx: 2 },
    ],
    nodeOf: ({ id }: { id: string }) => id,
  },
});

type Lab = Awaited<ReturnType<typeof openExtended>>;
let lab: Lab;
beforeAll(async () => {
  lab = await openExtended(extension);
});

describe("fields of an extension", () => {
  it("read what they need in the one statement and are batched", async () => {
    lab.statements.length = 0;
    calls.length = 0;
    const data = await lab.data(
      '{ sessions { nodes { label sessionIdx ageDays b: label(prefix: "x", upper: true) } } }',
    );
    expect(data.sessions.nodes).toEqual([
      { label: "s1", sessionIdx: 1, ageDays: 10, b: "x1OPEN" },
      { label: "s2", sessionIdx: 2, ageDays: 20, b: "x2CLOSED" },
      { label: "s3", sessionIdx: 3, ageDays: 30.5, b: "x3OPEN" },
      { label: "s1", sessionIdx: 1, ageDays: null, b: "x1OPEN" },
    ]);
    expect(Object.keys(data.sessions.nodes[0])).toEqual(["label", "sessionIdx", "ageDays", "b"]);
    expect(lab.statements).toHaveLength(1);
    expect(calls.map(({ rows }) => rows.length)).toEqual([4, 4]);
  });

  it("answer rows, read in one statement for all", async () => {
    lab.statements.length = 0;
    const data = await lab.data(
      "{ subject(subjectId: 1) { sessions { nodes { sessionIdx neighbours { sessionIdx subject { name } neighbours(first: 1) { label } } } } } }",
    );
    expect(data.subject.sessions.nodes[0].neighbours).toEqual([
      { sessionIdx: 2, subject: { name: "Ada" }, neighbours: [{ label: "s1" }] },
      { sessionIdx: 3, subject: { name: "Ada" }, neighbours: [{ label: "s1" }] },
    ]);
    expect(lab.statements).toHaveLength(5);
  });

  it("see decoded values, exact numbers, their key", async () => {
    const data = await lab.data(
      "{ subject(subjectId: 1) { sessions(first: 1) { nodes { traceSum exact keyText } } } }",
    );
    expect(data.subject.sessions.nodes).toEqual([
      { traceSum: 6, exact: "9007199254740994", keyText: '{"subjectId":1,"sessionIdx":1}' },
    ]);
  });

  it("spread null by GraphQL's rules, mask faults and tell refusals", async () => {
    const { data, errors } = await lab.ask(
      "{ subject(subjectId: 1) { name sessions { nodes { sessionIdx fails } } } }",
    );
    expect(data).toEqual({
      subject: {
        name: "Ada",
        sessions: {
          nodes: [
            { sessionIdx: 1, fails: null },
            { sessionIdx: 2, fails: null },
            { sessionIdx: 3, fails: 3 },
          ],
        },
      },
    });
    expect(errors?.map(({ path, extensions }) => [path, extensions?.["code"]])).toEqual([
      [["subject", "sessions", "nodes", 0, "fails"], "INTERNAL_SERVER_ERROR"],
      [["subject", "sessions", "nodes", 1, "fails"], "BAD_USER_INPUT"],
    ]);
    expect(JSON.stringify(errors)).not.toContain("secret");
    expect(errors?.[1]).toMatchObject({ message: "no second sessions", extensions: { field: "sessionIdx" } });
    expect(lab.logged.at(-1)).toMatchObject({
      err: { message: "the secret of session 1" },
      id: errors?.[0]?.extensions?.["id"],
    });
    const hard = await lab.ask("{ subject(subjectId: 1) { name sessions { nodes { failsHard } } } }");
    expect(hard.data).toEqual({ subject: null });
    expect(hard.errors?.map(({ path }) => path)).toEqual([["subject", "sessions", "nodes", 1, "failsHard"]]);
  });

  it("answer objects of their own with rows below, lists of promises, methods", async () => {
    const data = await lab.data(
      "{ subject(subjectId: 1) { firstSession { summary { __typename text twice thrice: twice(times: 3) lazy session { label summary { text } } } } } }",
    );
    expect(data.subject.firstSession.summary).toEqual({
      __typename: "Summary",
      text: "number 1",
      twice: 2,
      thrice: 3,
      lazy: [1, 2],
      session: { label: "s1", summary: { text: "number 1" } },
    });
  });

  it("answer root fields, unions and nodes", async () => {
    const data = await lab.data(
      `query ($at: DateTime!) { busiest { name sessions { totalCount } } everything { sessionIdx } now(at: $at)
      a: hit(name: "text") { __typename ... on Summary { text } ... on Subject { name } } b: hit(name: "x") { ...F } c: hit(name: "none") { __typename } subjects { totalCount } }
      fragment F on Hit { __typename ... on Subject { name firstSession { label } } }`,
      { at: "2026-05-17T10:30:00+02:00" },
    );
    expect(data).toEqual({
      busiest: { name: "Ada", sessions: { totalCount: 3 } },
      everything: [{ sessionIdx: 1 }, { sessionIdx: 2 }, { sessionIdx: 3 }, { sessionIdx: 1 }],
      now: "2026-05-17T08:30:00Z",
      a: { __typename: "Summary", text: "t" },
      b: { __typename: "Subject", name: "Ada", firstSession: { label: "s1" } },
      c: null,
      subjects: { totalCount: 3 },
    });
    const { subject } = await lab.data("{ subject(subjectId: 2) { id } }");
    expect(
      await lab.data(
        "query ($id: ID!) { nodeOf(id: $id) { id ... on Subject { name } } node(id: $id) { id ... on Subject { firstSession { ageDays } } } }",
        { id: subject.id },
      ),
    ).toEqual({
      nodeOf: { id: subject.id, name: "Bob" },
      node: { id: subject.id, firstSession: { ageDays: null } },
    });
  });

  it("answer interfaces that tables and own types have in common", async () => {
    const query = `{ labelled { __typename label ...L ... on Session { sessionIdx } } sessions(first: 1) { nodes { ...L } } } fragment L on Labelled { other: label(prefix: "l") }`;
    expect(await lab.data(query)).toEqual({
      labelled: [
        { __typename: "Tag", label: "s tag", other: "l tag" },
        { __typename: "Session", label: "s2", other: "l2", sessionIdx: 2 },
      ],
      sessions: { nodes: [{ other: "l1" }] },
    });
  });

  it("are answered in payloads, each fault at its row", async () => {
    const { data, errors } = await lab.ask(`mutation { createSessions(rows: [
      {subject: {key: {subjectId: 3}}, sessionIdx: 1, startedAt: "2026-01-01T00:00:00Z"}, {subject: {key: {subjectId: 3}}, sessionIdx: 5, startedAt: "2026-01-01T00:00:00Z"}])
      { sessions { label fails neighbours { sessionIdx } } count } deleteSession(key: {subjectId: 3, sessionIdx: 5}) { session { label } } }`);
    expect(data).toEqual({
      createSessions: {
        count: 2,
        sessions: [
          { label: "s1", fails: null, neighbours: [] },
          { label: "s5", fails: 5, neighbours: [{ sessionIdx: 1 }] },
        ],
      },
      deleteSession: { session: { label: "s5" } },
    });
    expect(errors?.map(({ path, extensions }) => [path, extensions?.["committed"]])).toEqual([
      [["createSessions", "sessions", 0, "fails"], true],
    ]);
    await lab.data(
      "mutation { deleteSession(key: {subjectId: 3, sessionIdx: 1}) { count: affected { count } } }",
    );
  });

  it("leave operations without them as they are", async () => {
    lab.statements.length = 0;
    await lab.data("{ sessions { nodes { sessionIdx startedAt } } }");
    const [text] = lab.statements;
    expect(text).not.toContain("ageDays");
    expect(lab.statements).toHaveLength(1);
  });
});
