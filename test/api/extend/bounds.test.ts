/** What functions of an extension get, and what bounds them. */

import { inspect } from "node:util";
import { HeaderMap } from "@apollo/server";
import { buildSchema, printSchema } from "graphql";
import { beforeAll, describe, expect, it } from "vitest";
import { defineExtension, type ExtensionContext } from "../../../src/extend/contract.ts";
import { anyone, openLaboratory } from "../laboratory.ts";
import { openExtended, sdl } from "./laboratory.ts";

let last: ExtensionContext | undefined;
const started = Promise.withResolvers<AbortSignal>();

const extension = defineExtension({
  typeDefs: /* GraphQL */ `
    extend type Session {
      slow: Int
      slowSure: Int!
      many(n: Int!): [Trial!]!
      short: Int
      loaded: String
      traceBytes: String
      notesText: String
      never: Int
    }
    type Box { session: Session }
    extend type Query { boxes(n: Int!): [Box!]! write: Int wait: Int sqlFault(text: String!): Int inner(text: String!): JSON files: [String!]! bad(how: String!): Box who: String }
  `,
  fields: {
    Session: {
      slow: { resolve: (row) => (row["sessionIdx"] === 1 ? new Promise(() => undefined) : 1) },
      slowSure: { resolveMany: () => new Promise<never>(() => undefined) },
      many: {
        resolve: ({ subjectId, sessionIdx }, { n }) =>
          Array.from({ length: Number(n) }, () => ({ subjectId, sessionIdx, trialIdx: 1 })),
      },
      short: { resolveMany: () => [1] },
      never: { resolveMany: () => 7 as unknown as unknown[] },
      loaded: {
        async resolve({ subjectId }, _, { loader }) {
          const row = await loader<{ name: string; weight: number | null }>("Subject").load({ subjectId });
          return `${row?.name} ${row?.weight}`;
        },
      },
      traceBytes: {
        async resolve(key, _, { objects }) {
          const stored = await objects.open("Session.trace", key);
          if (stored === null) return null;
          const bytes = await stored.bytes();
          const head = Buffer.from(await bytes.read(1, 6)).toString("latin1");
          let size = 0;
          for await (const piece of bytes.stream()) size += piece.length;
          return `${head} ${size === bytes.sizeBytes} ${JSON.stringify(stored.meta?.["shape"])}`;
        },
      },
      notesText: {
        async resolve(key, _, { objects }) {
          const stored = await objects.open("Session.notes", key);
          return stored === null ? null : inspect(await stored.decode());
        },
      },
    },
  },
  query: {
    boxes: ({ n }: { n: number }) =>
      Array.from({ length: n }, () => ({ session: { subjectId: 1, sessionIdx: 1 } })),
    write: async (_, { transaction }) => (await transaction.query("DELETE FROM lab.trial")).rowCount,
    async wait(_, context) {
      last = context;
      started.resolve(context.signal);
      await context.transaction.query("SELECT pg_sleep(60)");
    },
    sqlFault: async ({ text }: { text: string }, { transaction }) => (await transaction.query(text)).rowCount,
    inner: async ({ text }: { text: string }, { api }) => api.data(text),
    files: async (_, { objects }) => [
      String(await objects.open("Session.trace", { subjectId: 2, sessionIdx: 1 })),
      String(await objects.open("Session.trace", { subjectId: 99, sessionIdx: 1 })),
    ],
    bad: async ({ how }: { how: string }, { loader, objects }) => {
      if (how === "loader") return loader("Nowhere").load("x");
      if (how === "key") return { session: { subjectId: 1 } };
      if (how === "id") return { session: "bm90IGFuIGlk" };
      if (how === "field") return objects.open("Session.stage", { subjectId: 1, sessionIdx: 1 });
      if (how === "string") throw "a string";
      return how;
    },
    who: (_, { principal }) => `${principal.name} ${[...principal.rights].join()}`,
  },
});

type Lab = Awaited<ReturnType<typeof openExtended>>;
let lab: Lab;
beforeAll(async () => {
  lab = await openExtended(extension, { extensionMs: 400, maxFields: 60, maxRows: 2000, maxRootFields: 5 });
});

describe("operations without fields of the extension", () => {
  it("run the statements that they ran without it, text for text", async () => {
    const plain = await openLaboratory(sdl);
    const documents = [
      '{ sessions(first: 3, where: {subject: {name: {eq: "Ada"}}}) { nodes { sessionIdx stage count subject { name } trials { totalCount } } pageInfo { hasNextPage } } }',
      "{ subject(subjectId: 1) { name __typename sessions { edges { cursor node { id ratio } } aggregate { count } } } }",
      "{ session(subjectId: 1, sessionIdx: 1) { trace { shape url values } notes { json } pictures { name } } }",
    ];
    for (const document of documents) {
      plain.statements.length = lab.statements.length = 0;
      await plain.data(document);
      await lab.data(document);
      expect(lab.statements).toEqual(plain.statements);
      expect(plain.statements).toHaveLength(1);
    }
  });
});

describe("the text of an answer", () => {
  it("is PostgreSQL's own, untouched, where no field of the extension is selected", async () => {
    await lab.data(
      'mutation { createSubject(input: {subjectId: 500, name: "Large", weight: 1e20}) { affected { count } } }',
    );
    const text = async (query: string) => {
      const { body } = await lab.server.executeHTTPGraphQLRequest({
        httpGraphQLRequest: {
          method: "POST",
          headers: new HeaderMap([["content-type", "application/json"]]),
          search: "",
          body: { query },
        },
        context: async () => anyone,
      });
      return body.kind === "complete" ? body.string : "";
    };
    // JavaScript would write 100000000000000000000.
    expect(await text("{ subject(subjectId: 500) { weight } }")).toBe(
      '{"data":{"subject":{"weight":1e+20}}}\n',
    );
    expect(await text("{ subject(subjectId: 500) { weight } who }")).toBe(
      '{"data":{"subject":{"weight":100000000000000000000},"who":"anonymous READ,WRITE,ADMIN"}}\n',
    );
    await lab.data("mutation { deleteSubject(key: {subjectId: 500}) { affected { count } } }");
  });
});

describe("the schema with an extension", () => {
  it("has everything of the generated one: descriptions, oneOf, defaults, links", async () => {
    const plain = await openLaboratory(sdl);
    const sections = (text: string) => printSchema(buildSchema(text)).split("\n\n");
    const extended = new Set(sections(lab.sdl).map((section) => section));
    const missing = sections(plain.sdl).filter((section) => !extended.has(section));
    // Only what is extended differs.
    expect(missing.filter((section) => !/^\s+|"""/.test(section)).length).toBeLessThanOrEqual(3);
    for (const text of [
      "input SubjectReferenceInput @oneOf",
      '@specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc3339")',
      "onConflict: OnConflict! = ABORT",
    ])
      expect(lab.sdl).toContain(text);
    expect(buildSchema(lab.sdl).getQueryType()?.getFields()["boxes"]).toBeDefined();
  });
});

describe("limits", () => {
  it("end a function that never ends, of its field alone", async () => {
    const { data, errors } = await lab.ask(
      "{ subject(subjectId: 1) { name sessions { nodes { sessionIdx slow } } } }",
    );
    expect(data?.["subject"]).toMatchObject({ name: "Ada" });
    expect(errors?.length).toBe(3);
    expect(errors?.[0]).toMatchObject({
      path: ["subject", "sessions", "nodes", 0, "slow"],
      extensions: { code: "LIMIT_EXCEEDED", setting: "HOLDFAST_EXTENSION_MS", limit: 400 },
    });
    const sure = await lab.ask(
      "{ subject(subjectId: 1) { name sessions { nodes { slowSure } } } subjects { totalCount } }",
    );
    expect(sure.data).toEqual({ subject: null, subjects: { totalCount: 3 } });
  });

  it("count what is selected below added fields, fragments wherever they are spread", async () => {
    const fields = Array.from({ length: 30 }, (_, i) => `a${i}: sessionIdx`).join(" ");
    expect(
      await lab.fault(
        `{ boxes(n: 1) { session { ...F } } b: boxes(n: 1) { session { ...F } } } fragment F on Session { ${fields} }`,
      ),
    ).toMatchObject({
      code: "LIMIT_EXCEEDED",
      extensions: { setting: "HOLDFAST_MAX_FIELDS" },
    });
    expect(await lab.fault("{ a: who b: who c: who d: who e: who f: who }")).toMatchObject({
      extensions: { setting: "HOLDFAST_MAX_ROOT_FIELDS" },
    });
  });

  it("count rows below the rows that an extension names", async () => {
    expect(
      (await lab.data("{ boxes(n: 19) { session { trials(first: 100) { nodes { score } } } } }")).boxes,
    ).toHaveLength(19);
    expect(
      await lab.fault("{ boxes(n: 21) { session { trials(first: 100) { nodes { score } } } } }"),
    ).toMatchObject({ extensions: { setting: "HOLDFAST_MAX_ROWS" } });
  });

  it("end what a caller has given up", async () => {
    const gone = new AbortController();
    const running = lab.execute({ query: "{ wait }" }, { ...anyone, signal: gone.signal });
    const signal = await started.promise;
    gone.abort(new Error("gone"));
    await running;
    expect(signal.aborted).toBe(true);
    await expect
      .poll(
        async () =>
          (
            await lab.db.query(
              "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)' AND state = 'active'",
            )
          ).rowCount,
      )
      .toBe(0);
    await expect(last?.transaction.query("SELECT 1")).rejects.toThrow();
  });
});

describe("what functions get", () => {
  it("loaders ask once for all rows", async () => {
    lab.statements.length = 0;
    const data = await lab.data("{ sessions { nodes { loaded } } }");
    expect(data.sessions.nodes.map(({ loaded }: { loaded: string }) => loaded)).toEqual([
      "Ada 20.5",
      "Ada 20.5",
      "Ada 20.5",
      "Bob null",
    ]);
    expect(lab.statements).toHaveLength(2);
  });

  it("stored values are opened, streamed and decoded, from the row and from the store", async () => {
    const { subject } = await lab.data(
      "{ subject(subjectId: 1) { sessions { nodes { traceBytes notesText } } } }",
    );
    expect(subject.sessions.nodes).toEqual([
      { traceBytes: "NUMPY true [3]", notesText: null },
      { traceBytes: null, notesText: null },
      { traceBytes: null, notesText: expect.stringContaining("dict") },
    ]);
    expect((await lab.data("{ files }")).files).toEqual(["null", "null"]);
  });

  it("SQL in queries reads only, and faults of SQL are masked", async () => {
    expect(await lab.fault("{ write }")).toMatchObject({ code: "INTERNAL_SERVER_ERROR", path: ["write"] });
    expect((await lab.data("{ trials { totalCount } }")).trials.totalCount).toBe(2);
    for (const text of ["SELECT * FROM lab.nowhere", "SELEC", "SELECT nothing FROM lab.session"]) {
      const fault = await lab.fault("query ($text: String!) { sqlFault(text: $text) }", { text });
      expect([fault.code, fault.message]).toEqual([
        "INTERNAL_SERVER_ERROR",
        expect.stringMatching(/^Something unforeseen. The log has it under/),
      ]);
    }
  });

  it("the API reads in queries, and does not write; its faults are the extension's", async () => {
    const inner = (text: string) => lab.ask("query ($text: String!) { inner(text: $text) }", { text });
    expect(
      (await inner("{ subject(subjectId: 1) { name sessions(first: 1) { nodes { traceBytes count } } } }"))
        .data,
    ).toEqual({
      inner: {
        subject: {
          name: "Ada",
          sessions: { nodes: [{ traceBytes: "NUMPY true [3]", count: "9007199254740993" }] },
        },
      },
    });
    for (const text of [
      "mutation { deleteTrials(where: {}, atMost: 9) { count } }",
      "{ nothing }",
      "{",
      "subscription { a }",
      "query A { who } query B { who }",
    ]) {
      const { data, errors } = await inner(text);
      expect([data, errors?.[0]?.extensions?.["code"]]).toEqual([{ inner: null }, "INTERNAL_SERVER_ERROR"]);
    }
    expect((await inner("{ who }")).data).toEqual({ inner: { who: "anonymous READ,WRITE,ADMIN" } });
    const { errors } = await inner('{ inner(text: "{ nothing }") }');
    expect(errors?.[0]?.extensions?.["code"]).toBe("INTERNAL_SERVER_ERROR");
  });

  it("mistakes of an extension are masked and logged, whatever they are", async () => {
    for (const [how, said] of [
      ["loader", "There is no type Nowhere"],
      ["key", "names no row of Session"],
      ["id", "names no row of Session"],
      ["field", "no field with @codec"],
      ["string", "threw a string"],
      ["text", "A value of Box is no object"],
    ] as const) {
      lab.logged.length = 0;
      const { data, errors } = await lab.ask("query ($how: String!) { bad(how: $how) { session { id } } }", {
        how,
      });
      expect([how, errors?.[0]?.extensions?.["code"]]).toEqual([how, "INTERNAL_SERVER_ERROR"]);
      expect(data).toEqual({ bad: how === "key" || how === "id" ? { session: null } : null });
      expect(String((lab.logged[0] as { err?: unknown } | undefined)?.err)).toContain(said);
    }
    for (const field of ["short", "never"]) {
      const { data, errors } = await lab.ask(`{ subject(subjectId: 1) { sessions { nodes { ${field} } } } }`);
      expect(data?.["subject"]).toEqual({
        sessions: { nodes: [{ [field]: null }, { [field]: null }, { [field]: null }] },
      });
      expect(errors).toHaveLength(3);
    }
  });
});
