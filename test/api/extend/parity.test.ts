/**
 * Random documents over generated and added fields, answered by Holdfast and by plain graphql-js with resolvers over the same rows in memory.
 * Data must be equal byte for byte; errors must have made null the same places.
 */

import fc from "fast-check";
import {
  execute,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  parse,
} from "graphql";
import { beforeAll, describe, expect, it } from "vitest";
import { defineExtension } from "../../../src/extend/contract.ts";
import { openExtended } from "./laboratory.ts";

/** What functions answer: every kind of value, every kind of fault, at every nullability. */
type Thing = Readonly<Record<string, unknown>>;
function thing(seed: number): Thing {
  return {
    number: seed % 7 === 3 ? "no number" : seed,
    sure: seed % 5 === 4 ? null : seed * 2,
    text: () => (seed % 4 === 1 ? Promise.reject(new Error("late")) : Promise.resolve(`t${seed}`)),
    list: seed % 6 === 5 ? "no list" : [seed, null, seed + 1],
    sureList: seed % 3 === 2 ? [seed, null] : [Promise.resolve(seed)],
    inner: () => (seed <= 0 ? null : thing(Math.floor(seed / 2) - 1)),
    sureInner: seed <= 1 ? null : () => thing(seed - 2),
    many: () =>
      [0, 1, 2].slice(0, seed % 4).map((step) => (seed - step <= 0 ? null : thing(seed - step - 1))),
    either: () =>
      seed % 2 === 0
        ? { __typename: "Thing", ...thing(seed - 1) }
        : { __typename: "Other", word: seed % 3 === 0 ? null : "w" },
    row: () => ({ subjectId: (seed % 4) + 1 }),
    sureRow: () => ({ subjectId: (seed % 3) + 1 }),
    rows: () => [1, 2].map((step) => ({ subjectId: ((seed + step) % 4) + 1 })),
    echo: ({ n, flag }: { n: number; flag?: boolean }) => n + (flag === true ? 100 : 0),
  };
}

const extension = defineExtension({
  typeDefs: /* GraphQL */ `
    type Thing {
      number: Int sure: Int! text: String list: [Int] sureList: [Int!]! inner: Thing sureInner: Thing! many: [Thing]! either: Either
      row: Subject sureRow: Subject! rows: [Subject!]! echo(n: Int! = 1, flag: Boolean): Int! asked: Int!
    }
    type Other { word: String! }
    union Either = Thing | Other
    extend type Session { note: String! mood: Int owner: Subject! }
    extend type Subject { thing: Thing sureThing: Thing! twice: Int! half: Int things(n: Int = 2): [Thing!] }
    extend type Query { thing(n: Int! = 5): Thing sureThing: Thing! subjectsOf(ids: [Int!]!): [Subject] }
  `,
  fields: {
    Thing: {
      asked: {
        resolveMany: async (rows) =>
          rows.map(({ number }) => (number === 4 ? new Error("four") : Number(number))),
      },
    },
    Session: {
      note: {
        needs: "{ sessionIdx subject { name sessions { totalCount } } }",
        resolve({
          sessionIdx,
          subject,
        }: {
          sessionIdx: number;
          subject: { name: string; sessions: { totalCount: number } };
        }) {
          if (sessionIdx === 2) throw new Error("two");
          return `${subject.name} ${sessionIdx} of ${subject.sessions.totalCount}`;
        },
      },
      mood: {
        needs: "{ stage }",
        resolveMany: async (rows) => rows.map(({ stage }) => (stage === "OPEN" ? 1 : "closed")),
      },
      owner: { resolve: ({ subjectId }) => ({ subjectId }) },
    },
    Subject: {
      thing: { needs: "{ subjectId }", resolve: ({ subjectId }) => thing(Number(subjectId)) },
      sureThing: {
        resolveMany: async (rows) =>
          rows.map(({ subjectId }) => (subjectId === 3 ? null : thing(Number(subjectId) + 4))),
      },
      twice: {
        needs: "{ subjectId name }",
        resolve: ({ subjectId, name }) => {
          if (name === "Bob") throw new Error("Bob");
          return Number(subjectId) * 2;
        },
      },
      half: { resolve: ({ subjectId }) => Number(subjectId) / 2 },
      things: {
        resolve: ({ subjectId }, { n }) =>
          Array.from({ length: Number(n) }, (_, i) => thing(Number(subjectId) + i)),
      },
    },
  },
  query: {
    thing: ({ n }: { n: number }) => thing(n),
    sureThing: async () => thing(6),
    subjectsOf: ({ ids }: { ids: number[] }) => ids.map((subjectId) => ({ subjectId })),
  },
});

const subjects = [
  { subjectId: 1, name: "Ada", weight: 20.5 },
  { subjectId: 2, name: "Bob", weight: null },
  { subjectId: 3, name: "Cleo", weight: null },
];

const sessions = [
  { subjectId: 1, sessionIdx: 1, stage: "OPEN" },
  { subjectId: 1, sessionIdx: 2, stage: "CLOSED" },
  { subjectId: 1, sessionIdx: 3, stage: "OPEN" },
  { subjectId: 2, sessionIdx: 1, stage: "OPEN" },
];

function page(list: readonly unknown[]) {
  return { nodes: list, edges: list.map((node) => ({ node })), totalCount: list.length };
}

/** The same answers by graphql-js alone: rows are looked up in memory wherever a key stands for one. */
function oracle(schema: GraphQLSchema) {
  const row = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(row);
    const key = value as { subjectId?: number } | null;
    return key === null || key === undefined
      ? null
      : (subjects.find(({ subjectId }) => subjectId === key.subjectId) ?? null);
  };
  const own: Record<string, GraphQLFieldResolver<Record<string, unknown>, unknown>> = {
    "Query.subjects": () => page(subjects),
    "Query.sessions": () => page(sessions),
    "Subject.sessions": ({ subjectId }) => page(sessions.filter((one) => one.subjectId === subjectId)),
    "Session.subject": ({ subjectId }) => row({ subjectId }),
    "Session.note": ({ subjectId, sessionIdx }) => {
      if (sessionIdx === 2) throw new Error("two");
      const own = sessions.filter((one) => one.subjectId === subjectId);
      return `${subjects.find((one) => one.subjectId === subjectId)?.name} ${sessionIdx} of ${own.length}`;
    },
    "Query.subject": (_, { subjectId }) => row({ subjectId }),
    "Thing.asked": ({ number }) => {
      if (number === 4) throw new Error("four");
      return Number(number);
    },
  };
  return (document: string, variables: Record<string, unknown>) =>
    execute({
      schema,
      document: parse(document),
      variableValues: variables,
      fieldResolver: async (source, args, context, info) => {
        const name = `${info.parentType.name}.${info.fieldName}`;
        const isRow = /\bSubject\b/.test(String(info.returnType));
        const isTable = /^(Subject|Session)$/.test(info.parentType.name);
        const table = isTable ? extension.fields?.[info.parentType.name]?.[info.fieldName] : undefined;
        const root = info.parentType.name === "Query" ? extension.query?.[info.fieldName] : undefined;
        const given = own[name];
        if (given !== undefined) return given(source, args, context, info);
        if (root !== undefined) {
          const value = await root(args, {} as never);
          return promised(isRow ? row(value) : value);
        }
        if (table !== undefined) {
          const value =
            table.resolve?.(source, args, {} as never) ??
            (await table.resolveMany?.([source], args, {} as never))?.[0];
          if (value instanceof Error) throw value;
          return promised(isRow ? row(value) : value);
        }
        const value = (source as Record<string, unknown>)[info.fieldName];
        const found = typeof value === "function" ? await value.call(source, args) : value;
        return promised(isRow ? row(found) : found);
      },
    });
}

/** graphql-js 16 leaves rejections unhandled where items of one list fail at once and later. */
function promised(value: unknown): unknown {
  return Array.isArray(value) ? value.map((item) => Promise.resolve(item)) : value;
}

/** Selections of a type, written as text. */
const names: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Query: {
    thing: "Thing",
    sureThing: "Thing",
    subjects: "SubjectConnection",
    "subject(subjectId: 1)": "Subject",
    "subject(subjectId: 2)": "Subject",
    "subjectsOf(ids: [3, 9, 1, 1])": "Subject",
    "thing(n: $n)": "Thing",
    sessions: "SessionConnection",
  },
  SubjectConnection: { nodes: "Subject", edges: "SubjectEdge", totalCount: "" },
  SubjectEdge: { node: "Subject" },
  SessionConnection: { nodes: "Session", edges: "SessionEdge", totalCount: "" },
  SessionEdge: { node: "Session" },
  Session: { sessionIdx: "", stage: "", subject: "Subject", note: "", mood: "", owner: "Subject" },
  Subject: {
    subjectId: "",
    name: "",
    weight: "",
    thing: "Thing",
    sureThing: "Thing",
    twice: "",
    half: "",
    things: "Thing",
    "things(n: 1)": "Thing",
    "things(n: $n)": "Thing",
    sessions: "SessionConnection",
  },
  Thing: {
    number: "",
    sure: "",
    text: "",
    list: "",
    sureList: "",
    inner: "Thing",
    sureInner: "Thing",
    many: "Thing",
    either: "Either",
    row: "Subject",
    sureRow: "Subject",
    rows: "Subject",
    echo: "",
    "echo(n: $n, flag: $yes)": "",
    asked: "",
  },
  Other: { word: "" },
  Either: {},
};

function selection(type: string, depth: number): fc.Arbitrary<string> {
  const fields = Object.entries(names[type] ?? {}).filter(([, inner]) => inner === "" || depth > 0);
  // The alias is the field with its arguments, so that equal response names are always the same field.
  const field = fc
    .tuple(
      fc.constantFrom(...fields, ["__typename", ""] as const),
      fc.constantFrom(
        "",
        "",
        "",
        " @skip(if: $no)",
        " @include(if: $yes)",
        " @skip(if: $yes)",
        " @include(if: $no)",
      ),
      fc.boolean(),
    )
    .chain(([[name, inner], directive, aliased]) => {
      const alias = aliased || /\(/.test(name) ? `${name.replaceAll(/\W+/g, "_")}_: ` : "";
      const head = `${alias}${name}${directive}`;
      return inner === "" ? fc.constant(head) : selection(inner, depth - 1).map((text) => `${head} ${text}`);
    });
  const concrete = type === "Either" ? ["Thing", "Other"] : [type];
  const fragment = fc
    .constantFrom(...concrete)
    .chain((on) => selection(on, depth > 0 ? depth - 1 : 0).map((text) => `... on ${on} ${text}`));
  const spread = type === "Subject" ? [fc.constant("...S")] : type === "Thing" ? [fc.constant("...T")] : [];
  const part =
    type === "Either"
      ? fc.oneof(fragment, fc.constant("__typename"))
      : fc.oneof(
          { weight: 6, arbitrary: field },
          ...[fragment, ...spread].map((arbitrary) => ({ weight: 1, arbitrary })),
        );
  return fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `{ ${parts.join(" ")} }`);
}

const fragments =
  "fragment S on Subject { name twice row_: thing { number sure } } fragment T on Thing { number echo rows { subjectId ...S } }";

/** The places that errors have made null: an error's path up to where the data ends. */
function nulls(
  data: unknown,
  errors: readonly { path?: readonly (string | number)[] | undefined }[] = [],
): string[] {
  const places = errors.map(({ path = [] }) => {
    const at: (string | number)[] = [];
    let value = data;
    for (const step of path) {
      if (value === null || value === undefined) break;
      at.push(step);
      value = (value as Record<string | number, unknown>)[step];
    }
    return at.join(".");
  });
  return [...new Set(places)].sort();
}

type Lab = Awaited<ReturnType<typeof openExtended>>;
let lab: Lab;
beforeAll(async () => {
  lab = await openExtended(extension);
});

describe("fields of an extension", () => {
  it("are answered as graphql-js answers them, among generated ones", async () => {
    const plain = oracle(lab.schema);
    const root = lab.schema.getQueryType() as GraphQLObjectType;
    expect(Object.keys(root.getFields())).toContain("subjectsOf");
    let faulty = 0;
    let whole = 0;
    await fc.assert(
      fc.asyncProperty(selection("Query", 4), fc.integer({ min: 0, max: 8 }), async (text, n) => {
        const variables = { n, yes: true, no: false };
        // Whatever was chosen, every variable and fragment is used.
        const used =
          "unused: subjects @skip(if: $yes) @include(if: $no) { nodes { ...S thing { ...T e: echo(n: $n) } } }";
        const head = "query ($n: Int! = 1, $yes: Boolean! = true, $no: Boolean! = false)";
        const document = `${head} ${text.slice(0, -1)} ${used} } ${fragments}`;
        const expected = await plain(document, variables);
        const answer = await lab.ask(document, variables);
        if (answer.errors?.[0]?.extensions?.["code"] === "GRAPHQL_VALIDATION_FAILED") {
          // Two spreads can give one response name two fields, which both sides would refuse.
          expect(answer.errors[0].message).toMatch(/conflict/);
          return;
        }
        expect(JSON.stringify(answer.data)).toBe(JSON.stringify(expected.data));
        expect(nulls(answer.data, answer.errors)).toEqual(nulls(expected.data, expected.errors));
        if (expected.errors === undefined) whole += 1;
        else faulty += 1;
      }),
      { numRuns: 150 },
    );
    expect(whole).toBeGreaterThan(20);
    expect(faulty).toBeGreaterThan(20);
  });
});
