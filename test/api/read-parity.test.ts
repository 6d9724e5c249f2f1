/** The compiled answer against graphql-js on the same schema: what SQL wrote, re-read by the reference executor, is the same answer. */

import fc from "fast-check";
import { execute, type GraphQLFieldResolver, parse } from "graphql";
import { beforeAll, expect, test } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(
  `
  type Subject @table { subject: Int! @key  name: String  sex: Sex }
  enum Sex { M F @value(name: "female") }
  type Session @table { subject: Subject! @key  session: Int! @key  at: DateTime  size: BigInt }
`,
  { maxRows: 1e15 },
);

const subjects = [
  { subject: 1, name: "a", sex: "M" },
  { subject: 2, name: null, sex: "F" },
];
const sessions = [1, 2].flatMap((subject) =>
  [1, 2].map((session) => ({ subject, session, at: "2026-01-01T00:00:00Z", size: "9007199254740993" })),
);

beforeAll(async () => {
  await lab.db.query(
    `INSERT INTO lab.subject (subject, name, sex) VALUES (1, 'a', 'M'), (2, NULL, 'female')`,
  );
  await lab.db.query(
    `INSERT INTO lab.session (subject, session, at, size) SELECT s, i, '2026-01-01', 9007199254740993 FROM generate_series(1, 2) s, generate_series(1, 2) i`,
  );
});

const connection = (nodes: readonly unknown[]) => ({
  nodes,
  edges: nodes.map((node) => ({ node })),
  totalCount: nodes.length,
});

/** Resolves by plain JavaScript over the rows above. */
const resolve: GraphQLFieldResolver<Answer, unknown, Answer> = (source, args, _context, info) => {
  const { fieldName, parentType } = info;
  if (parentType.name === "Query") {
    if (fieldName === "subjects") return connection(subjects);
    if (fieldName === "sessions") return connection(sessions);
    if (fieldName === "subject") return subjects.find(({ subject }) => subject === args.subject);
  }
  if (parentType.name === "Subject" && fieldName === "sessions")
    return connection(sessions.filter(({ subject }) => subject === source.subject));
  if (parentType.name === "Session" && fieldName === "subject")
    return subjects.find(({ subject }) => subject === source.subject);
  return source[fieldName];
};

const name = fc.constantFrom("", "a: ", "b: ", "__proto__: ");
const directive = fc.constantFrom("", " @skip(if: $t)", " @include(if: $t)", " @skip(if: $f)");

const { subjectSet, sessionSet } = fc.letrec<{ subjectSet: string; sessionSet: string }>((tie) => {
  const list = (inner: string) => `{ totalCount nodes ${inner} edges { node ${inner} __typename } }`;
  const set = (fields: readonly string[], nested: fc.Arbitrary<string>, onType: string) =>
    fc
      .array(
        fc.oneof(
          { depthSize: "small" },
          fc.tuple(fc.constantFrom(...fields), directive).map(([field, to]) => `${field}${to}`),
          nested,
          fc
            .constantFrom(...fields)
            .map((field) => `... on ${onType} { ${field} } ... on Node { __typename }`),
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map((parts) => `{ __typename ${parts.join(" ")} }`);
  return {
    subjectSet: set(
      ["subject", "name", "sex", "n: name"],
      tie("sessionSet").map((inner) => `sessions ${list(inner)}`),
      "Subject",
    ),
    sessionSet: set(
      ["session", "at", "size", "s: size"],
      tie("subjectSet").map((inner) => `subject ${inner}`),
      "Session",
    ),
  };
});

test("random documents answer as graphql-js answers, key order included", async () => {
  const documents = fc
    .tuple(name, name, subjectSet, sessionSet)
    .map(
      ([one, two, subject, session]) =>
        `query($t: Boolean = true, $f: Boolean = false) { x${one.replace(": ", "")}: subjects { nodes ${subject} } y${two.replace(": ", "")}: sessions { nodes ${session} } subject(subject: 2) ${subject} __typename z: __typename @skip(if: $t) w: __typename @skip(if: $f) }`,
    );
  await fc.assert(
    fc.asyncProperty(documents, async (query) => {
      const expected = await execute({ schema: lab.schema, document: parse(query), fieldResolver: resolve });
      expect(expected.errors).toBeUndefined();
      expect(JSON.stringify(await lab.data(query))).toBe(JSON.stringify(expected.data));
    }),
    { numRuns: 80 },
  );
});
