import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { defineExtension, type RowChange, refuse } from "../../../src/extend/contract.ts";
import { openExtended } from "./laboratory.ts";

/** What the hooks saw, as `Session.afterCreate 1/4 …`. */
const seen: string[] = [];
const commits: unknown[] = [];
let tries = 0;
/** What a hook is to do, set by a test. */
let act: Record<string, (...args: never[]) => unknown> = {};

const keyOf = ({ key }: RowChange) => Object.values(key).join("/");
const told = (name: string) => (rows: readonly RowChange[]) => {
  const changes = rows.map(
    (change) =>
      `${keyOf(change)}${change.old ? ` ${shown(change.old)}` : ""}${change.row ? ` → ${shown(change.row)}` : ""}`,
  );
  seen.push(`${name} ${changes.join(", ")}`);
};
const shown = (row: Readonly<Record<string, unknown>>) => String(row["stage"] ?? row["name"] ?? row["score"]);

const extension = defineExtension({
  typeDefs: /* GraphQL */ `
    extend type Session { late: Boolean! broken: Int! }
    extend type Mutation {
      closeSession(subjectId: Int!, sessionIdx: Int!, fail: Boolean): Session!
      renameAll(prefix: String!): RenameResult
      writeTwice(id: Int!): Subject!
      forever: Int
      answersNothing: Session!
      race(until: Int!): Int!
    }
    type RenameResult { count: Int! subjects: [Subject!]! note: String! }
  `,
  fields: {
    Session: {
      broken: { resolve: () => null },
      late: { needs: "{ stage }", resolve: ({ stage }) => stage === "CLOSED" },
    },
  },
  mutation: {
    async closeSession(
      args: { subjectId: number; sessionIdx: number; fail?: boolean },
      { transaction, api },
    ) {
      const { rowCount } = await transaction.query(
        "UPDATE lab.session SET stage = 'CLOSED' WHERE subject_id = $1 AND session_idx = $2",
        [args.subjectId, args.sessionIdx],
      );
      if (rowCount === 0) refuse(`There is no session ${args.sessionIdx}.`, { field: "sessionIdx" });
      const { session } = await api.data<{ session: { stage: string } }>(
        "query ($s: Int!, $i: Int!) { session(subjectId: $s, sessionIdx: $i) { stage } }",
        { s: args.subjectId, i: args.sessionIdx },
      );
      seen.push(`inside ${session.stage}`);
      if (args.fail === true) throw new Error("a secret");
      return { subjectId: args.subjectId, sessionIdx: args.sessionIdx };
    },
    async renameAll({ prefix }: { prefix: string }, { api, loader }) {
      const { updateSubjects } = await api.data<{ updateSubjects: { subjects: { id: string }[] } }>(
        "mutation ($set: SubjectPatch!) { updateSubjects(where: {}, set: $set, atMost: 100) { subjects { id } } }",
        { set: { weight: 1.5 } },
      );
      const loaded = await loader<{ name: string }>("Subject").loadMany(updateSubjects.subjects);
      return {
        count: loaded.length,
        subjects: updateSubjects.subjects,
        note: () => prefix + loaded.map((row) => row?.name).join(),
      };
    },
    async writeTwice({ id }: { id: number }, { api }) {
      const create = "mutation ($i: CreateSubjectInput!) { createSubject(input: $i) { subject { id } } }";
      await Promise.all([
        api.data(create, { i: { subjectId: id, name: `a${id}` } }),
        api.execute(create, { i: { subjectId: id, name: `b${id}` } }),
        api.data(create, { i: { subjectId: id + 1, name: `c${id}` } }),
      ]);
      return { subjectId: id };
    },
    forever: () => new Promise(() => undefined),
    async race({ until }: { until: number }, { transaction, api }) {
      tries += 1;
      await api.data(
        `mutation { createSubject(input: {subjectId: 200, name: "try ${tries}"}) { affected { count } } }`,
      );
      // As PostgreSQL tells a transaction that lost.
      if (tries < until)
        await transaction.query("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$");
      return tries;
    },
    answersNothing: async (_, { transaction }) => {
      await transaction.query("UPDATE lab.subject SET name = name || '!'");
      return { subjectId: 99, sessionIdx: 99 };
    },
  },
  hooks: {
    Session: {
      beforeCreate(inputs, _, info) {
        seen.push(`Session.beforeCreate ${info.how}${info.nested ? " nested" : ""} ${inputs.length}`);
        for (const input of inputs) {
          if (input["stage"] === "CLOSED" && act["refuseClosed"])
            refuse("Sessions begin open.", { field: "stage" });
          if (act["stamp"]) input["stage"] = "CLOSED";
        }
      },
      beforeUpdate(change) {
        seen.push(
          `Session.beforeUpdate ${JSON.stringify(change.key ?? change.where)} ${JSON.stringify(change.set)}`,
        );
        if (act["stamp"]) change.set["ratio"] = 2.5;
      },
      beforeDelete: (rows) => {
        told("Session.beforeDelete")(rows);
        if (rows.some(({ old }) => old?.["stage"] === "CLOSED") && act["keepClosed"])
          refuse("Closed sessions stay.");
      },
      afterCreate: async (rows, context) => {
        told("Session.afterCreate")(rows);
        await act["afterCreate"]?.(...([rows, context] as never[]));
      },
      afterUpdate: told("Session.afterUpdate"),
      afterDelete: told("Session.afterDelete"),
      afterCommit: (changes) => void commits.push(changes),
    },
    Trial: {
      beforeDelete: told("Trial.beforeDelete"),
      afterDelete: told("Trial.afterDelete"),
      afterCreate: told("Trial.afterCreate"),
    },
    Subject: {
      beforeCreate: (inputs, _, info) => void seen.push(`Subject.beforeCreate ${info.how} ${inputs.length}`),
      afterCreate: told("Subject.afterCreate"),
      afterUpdate: told("Subject.afterUpdate"),
      afterCommit: () => {
        throw new Error("too late to matter");
      },
    },
  },
});

type Lab = Awaited<ReturnType<typeof openExtended>>;
let lab: Lab;
beforeAll(async () => {
  lab = await openExtended(extension, { extensionMs: 300 });
});
beforeEach(() => {
  seen.length = 0;
  commits.length = 0;
  act = {};
});

const counts = () => lab.data("{ subjects { totalCount } sessions { totalCount } trials { totalCount } }");

describe("hooks", () => {
  it("see creates, nested ones too, and may change their inputs", async () => {
    act["stamp"] = () => undefined;
    const { createSubject } =
      await lab.data(`mutation { createSubject(input: {subjectId: 10, name: "Ten", sessions: [
      {sessionIdx: 1, startedAt: "2026-03-01T00:00:00Z", trials: [{trialIdx: 1, score: 2}]}, {sessionIdx: 2, startedAt: "2026-03-01T00:00:00Z"}]})
      { subject { sessions { nodes { stage late } } } } }`);
    expect(createSubject.subject.sessions.nodes).toEqual([
      { stage: "CLOSED", late: true },
      { stage: "CLOSED", late: true },
    ]);
    expect(seen).toEqual([
      "Subject.beforeCreate create 1",
      "Session.beforeCreate create nested 2",
      "Subject.afterCreate 10 → Ten",
      "Session.afterCreate 10/1 → CLOSED, 10/2 → CLOSED",
      "Trial.afterCreate 10/1/1 → 2",
    ]);
    expect(commits).toMatchObject([
      { created: [{ key: { subjectId: 10, sessionIdx: 1 } }, {}], updated: [], deleted: [] },
    ]);
  });

  it("see a row that a reference creates, in creates and in updates", async () => {
    await lab.data(
      `mutation { createSession(input: {subject: {create: {subjectId: 11, name: "Eleven"}}, sessionIdx: 1, startedAt: "2026-03-01T00:00:00Z"}) { session { id } } }`,
    );
    expect(seen).toEqual([
      "Session.beforeCreate create 1",
      "Subject.beforeCreate create 1",
      "Subject.afterCreate 11 → Eleven",
      "Session.afterCreate 11/1 → OPEN",
    ]);
  });

  it("tell rows that were created from rows that were updated, and neither from rows left alone", async () => {
    await lab.data(`mutation { createSessions(onConflict: UPDATE, rows: [
      {subject: {key: {subjectId: 1}}, sessionIdx: 1, startedAt: "2026-01-11T00:00:00Z", stage: CLOSED},
      {subject: {key: {subjectId: 1}}, sessionIdx: 9, startedAt: "2026-01-11T00:00:00Z", stage: OPEN}]) { count } }`);
    expect(seen).toEqual([
      "Session.beforeCreate upsert 2",
      "Session.afterUpdate 1/1 OPEN → CLOSED",
      "Session.afterCreate 1/9 → OPEN",
    ]);
    seen.length = 0;
    await lab.data(`mutation { createSessions(onConflict: SKIP, rows: [
      {subject: {key: {subjectId: 1}}, sessionIdx: 1, startedAt: "2026-01-11T00:00:00Z", stage: OPEN},
      {subject: {key: {subjectId: 1}}, sessionIdx: 8, startedAt: "2026-01-11T00:00:00Z"}]) { count } }`);
    expect(seen).toEqual(["Session.beforeCreate skip 2", "Session.afterCreate 1/8 → OPEN"]);
    seen.length = 0;
    const upsert = (stage: string) =>
      lab.data(
        `mutation { upsertSession(input: {subject: {key: {subjectId: 1}}, sessionIdx: 8, startedAt: "2026-01-11T00:00:00Z", stage: ${stage}}) { session { stage } } }`,
      );
    await upsert("OPEN");
    expect(seen).toEqual(["Session.beforeCreate upsert 1"]);
    await upsert("CLOSED");
    expect(seen.slice(1)).toEqual(["Session.beforeCreate upsert 1", "Session.afterUpdate 1/8 OPEN → CLOSED"]);
    seen.length = 0;
    await lab.data(
      `mutation { upsertSubject(input: {subjectId: 77, name: "Bob", weight: 3}, on: NAME) { subject { subjectId } } }`,
    );
    await lab.data(
      `mutation { upsertSubject(input: {subjectId: 78, name: "New"}, on: NAME) { subject { subjectId } } }`,
    );
    expect(seen).toEqual([
      "Subject.beforeCreate upsert 1",
      "Subject.afterUpdate 2 Bob → Bob",
      "Subject.beforeCreate upsert 1",
      "Subject.afterCreate 78 → New",
    ]);
  });

  it("see updates of one and of many, and may change the patch", async () => {
    act["stamp"] = () => undefined;
    const { updateSession } = await lab.data(
      `mutation { updateSession(key: {subjectId: 1, sessionIdx: 2}, set: {stage: OPEN}) { session { stage ratio } } }`,
    );
    expect(updateSession.session).toEqual({ stage: "OPEN", ratio: 2.5 });
    expect(seen).toEqual([
      'Session.beforeUpdate {"subjectId":1,"sessionIdx":2} {"stage":"OPEN"}',
      "Session.afterUpdate 1/2 CLOSED → OPEN",
    ]);
    seen.length = 0;
    await lab.data(
      `mutation { updateSessions(where: {subjectId: {eq: 1}, sessionIdx: {lte: 2}}, set: {stage: CLOSED}, atMost: 5) { count } }`,
    );
    expect(seen[1]).toBe("Session.afterUpdate 1/1 CLOSED → CLOSED, 1/2 OPEN → CLOSED");
    expect(commits.at(-1)).toMatchObject({
      updated: [{ old: { stage: "CLOSED" }, row: { stage: "CLOSED", ratio: 2.5 } }, {}],
    });
  });

  it("see deletes, those of a cascade too, and a dry run commits nothing", async () => {
    act["keepClosed"] = () => undefined;
    const before = await counts();
    const kept = await lab.fault(
      "mutation { deleteSubject(key: {subjectId: 10}, cascade: true) { affected { count } } }",
    );
    expect(kept).toMatchObject({
      code: "BAD_USER_INPUT",
      message: "Closed sessions stay.",
      path: ["deleteSubject"],
    });
    expect(await counts()).toEqual(before);
    act = {};
    seen.length = 0;
    await lab.data(
      "mutation { deleteSubjects(where: {subjectId: {eq: 10}}, cascade: true, dryRun: true) { affected { count } } }",
    );
    expect(seen).toContain("Trial.afterDelete 10/1/1 2");
    expect(await counts()).toEqual(before);
    expect(commits).toEqual([]);
    seen.length = 0;
    await lab.data("mutation { deleteSubject(key: {subjectId: 10}, cascade: true) { affected { count } } }");
    expect(seen.toSorted()).toEqual([
      "Session.afterDelete 10/1 CLOSED, 10/2 CLOSED",
      "Session.beforeDelete 10/1 CLOSED, 10/2 CLOSED",
      "Trial.afterDelete 10/1/1 2",
      "Trial.beforeDelete 10/1/1 2",
    ]);
    expect(commits).toMatchObject([{ deleted: [{ old: { sessionIdx: 1 } }, { old: { sessionIdx: 2 } }] }]);
  });

  it("refuse, before anything is written", async () => {
    act["refuseClosed"] = () => undefined;
    const before = await counts();
    const fault =
      await lab.fault(`mutation { a: createSubject(input: {subjectId: 20, name: "Twenty"}) { affected { count } }
      b: createSession(input: {subject: {key: {subjectId: 1}}, sessionIdx: 20, startedAt: "2026-03-01T00:00:00Z", stage: CLOSED}) { affected { count } } }`);
    expect(fault).toMatchObject({
      code: "BAD_USER_INPUT",
      message: "Sessions begin open.",
      path: ["b"],
      extensions: { field: "stage" },
      data: null,
    });
    expect(await counts()).toEqual(before);
  });

  it("write in the transaction, through the API and by SQL; what they write is seen by hooks and rolled back with the rest", async () => {
    const session = (idx: number) =>
      `createSession(input: {subject: {key: {subjectId: 2}}, sessionIdx: ${idx}, startedAt: "2026-03-01T00:00:00Z"}) { session { trials { nodes { score } } } }`;
    act["afterCreate"] = async (
      rows: RowChange[],
      { api }: { api: { data(text: string, variables: object): Promise<unknown> } },
    ) => {
      for (const { key } of rows)
        await api.data(
          "mutation ($k: SessionKey!) { createTrial(input: {session: {key: $k}, trialIdx: 1, score: 7}) { trial { score } } }",
          { k: key },
        );
    };
    const data = await lab.data(`mutation { ${session(5)} }`);
    expect(data.createSession.session.trials.nodes).toEqual([{ score: 7 }]);
    expect(seen).toContain("Trial.afterCreate 2/5/1 → 7");
    const before = await counts();
    commits.length = 0;
    await lab.fault(
      `mutation { a: ${session(6)} b: closeSession(subjectId: 2, sessionIdx: 6, fail: true) { id } }`,
    );
    expect(await counts()).toEqual(before);
    expect(commits).toEqual([]);
  });

  it("that write to their own table without end are stopped", async () => {
    let next = 100;
    act["afterCreate"] = async (_: unknown, { api }: { api: { data(text: string): Promise<unknown> } }) => {
      next += 1;
      await api.data(
        `mutation { createSession(input: {subject: {key: {subjectId: 2}}, sessionIdx: ${next}, startedAt: "2026-03-01T00:00:00Z"}) { affected { count } } }`,
      );
    };
    const before = await counts();
    expect(
      await lab.fault(
        `mutation { createSession(input: {subject: {key: {subjectId: 2}}, sessionIdx: 100, startedAt: "2026-03-01T00:00:00Z"}) { affected { count } } }`,
      ),
    ).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(await counts()).toEqual(before);
  });

  it("of after the commit are logged when they fail", async () => {
    await lab.data(`mutation { createSubject(input: {subjectId: 30, name: "Thirty"}) { subject { name } } }`);
    await expect.poll(() => JSON.stringify(lab.logged)).toContain("Subject.afterCommit");
  });
});

describe("mutation fields of an extension", () => {
  it("run in their turn in the one transaction, and show rows", async () => {
    const data =
      await lab.data(`mutation { createSession(input: {subject: {key: {subjectId: 3}}, sessionIdx: 1, startedAt: "2026-03-01T00:00:00Z"}) { session { stage } }
      closeSession(subjectId: 3, sessionIdx: 1) { stage late subject { name } }
      updateSession(key: {subjectId: 3, sessionIdx: 1}, set: {ratio: 1}) { session { stage ratio } } }`);
    expect(data).toEqual({
      createSession: { session: { stage: "OPEN" } },
      closeSession: { stage: "CLOSED", late: true, subject: { name: "Cleo" } },
      updateSession: { session: { stage: "CLOSED", ratio: 1 } },
    });
    expect(seen).toContain("inside CLOSED");
  });

  it("roll everything back when they throw, masked; and tell refusals", async () => {
    const before = await lab.data("{ session(subjectId: 1, sessionIdx: 3) { stage rowVersion } }");
    const fault = await lab.fault(
      "mutation { closeSession(subjectId: 1, sessionIdx: 3, fail: true) { id } }",
    );
    expect(fault).toMatchObject({ code: "INTERNAL_SERVER_ERROR", path: ["closeSession"], data: null });
    expect(fault.message).not.toContain("secret");
    expect(await lab.data("{ session(subjectId: 1, sessionIdx: 3) { stage rowVersion } }")).toEqual(before);
    expect(await lab.fault("mutation { closeSession(subjectId: 1, sessionIdx: 98) { id } }")).toMatchObject({
      code: "BAD_USER_INPUT",
      extensions: { field: "sessionIdx" },
    });
  });

  it("roll back when their value does not fit its type", async () => {
    expect(await lab.fault("mutation { answersNothing { id } }")).toMatchObject({
      code: "INTERNAL_SERVER_ERROR",
    });
    expect((await lab.data("{ subject(subjectId: 1) { name } }")).subject.name).toBe("Ada");
  });

  it("use the API, loaders and objects of their own; hooks hold inside", async () => {
    const data = await lab.data(
      `mutation { renameAll(prefix: "p:") { count subjects { subjectId weight } note } }`,
    );
    expect(data.renameAll.count).toBe(data.renameAll.subjects.length);
    expect(data.renameAll.subjects[0]).toEqual({ subjectId: 1, weight: 1.5 });
    expect(data.renameAll.note).toMatch(/^p:Ada,Bob,Cleo/);
    expect(seen.some((text) => text.startsWith("Subject.afterUpdate 1 Ada → Ada, 2 Bob"))).toBe(true);
  });

  it("run operations side by side one after the other: one that fails undoes nothing of the others", async () => {
    const data = await lab.data("mutation { writeTwice(id: 50) { name } }");
    expect(data.writeTwice.name).toBe("a50");
    expect(
      (await lab.data("{ subjects(where: {subjectId: {gte: 50, lte: 60}}) { nodes { name } } }")).subjects
        .nodes,
    ).toEqual([{ name: "a50" }, { name: "c50" }]);
  });

  it("that never end are ended by the limit", async () => {
    const fault = await lab.fault("mutation { forever }");
    expect(fault).toMatchObject({
      code: "LIMIT_EXCEEDED",
      extensions: { setting: "HOLDFAST_EXTENSION_MS", limit: 300 },
    });
  });

  it("run again when the transaction loses a race, hooks inside too; what was undone is never told after the commit", async () => {
    tries = 0;
    act["stamp"] = () => undefined;
    const session =
      'createSession(input: {subject: {key: {subjectId: 1}}, sessionIdx: 200, startedAt: "2026-03-01T00:00:00Z"}) { affected { count } }';
    expect((await lab.data(`mutation { ${session} race(until: 3) }`)).race).toBe(3);
    expect(seen.filter((text) => text === "Session.beforeCreate create 1")).toHaveLength(1);
    expect(seen.filter((text) => text === "Session.afterCreate 1/200 → CLOSED")).toHaveLength(3);
    expect(seen.filter((text) => text.startsWith("Subject.afterCreate"))).toEqual(
      [1, 2, 3].map((n) => `Subject.afterCreate 200 → try ${n}`),
    );
    expect(commits).toMatchObject([{ created: [{ key: { sessionIdx: 200 } }] }]);
    expect((await lab.data("{ subject(subjectId: 200) { name } }")).subject.name).toBe("try 3");
  });

  it("say that they are committed when only the answer fails", async () => {
    const fault = await lab.fault("mutation { closeSession(subjectId: 2, sessionIdx: 1) { stage broken } }");
    expect(fault).toMatchObject({
      code: "INTERNAL_SERVER_ERROR",
      path: ["closeSession", "broken"],
      data: null,
      extensions: { committed: true },
    });
    expect((await lab.data("{ session(subjectId: 2, sessionIdx: 1) { stage } }")).session.stage).toBe(
      "CLOSED",
    );
    const payload = await lab.fault(
      "mutation { updateSession(key: {subjectId: 2, sessionIdx: 1}, set: {stage: OPEN}) { session { stage broken } } }",
    );
    expect(payload).toMatchObject({
      path: ["updateSession", "session", "broken"],
      extensions: { committed: true },
      data: { updateSession: { session: null } },
    });
    expect((await lab.data("{ session(subjectId: 2, sessionIdx: 1) { stage } }")).session.stage).toBe("OPEN");
  });

  it("need the right to write", async () => {
    const context = { principal: { name: "reader", rights: new Set(["READ"] as const) }, baseUrl: "" };
    const { errors } = await lab.execute({ query: 'mutation { renameAll(prefix: "x") { count } }' }, context);
    expect(errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
  });
});
