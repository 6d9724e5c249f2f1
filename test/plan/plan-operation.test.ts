/** Plans are data: independent of the values of variables, dependent on those of @skip and @include. */

import { type OperationDefinitionNode, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";
import { defaultApiLimits } from "../../src/api/limits.ts";
import { fragmentsOf } from "../../src/api/plan-cache.ts";
import { resolveArguments, shapeOf } from "../../src/api/resolve-arguments.ts";
import { buildEntitySchema } from "../../src/api/schema.ts";
import { planOperation } from "../../src/plan/plan-operation.ts";
import { shippedRegistry } from "../api/laboratory.ts";
import { model as modelOf } from "../support/sdl.ts";

const model = modelOf(`
  type Subject @table { subjectId: Int! @key  name: String }
  type Session @table { subject: Subject! @key  sessionIdx: Int! @key }
`);
const { schema } = buildEntitySchema(model, await shippedRegistry());

function plan(text: string, variables: Record<string, unknown> = {}) {
  const document = parse(text);
  expect(validate(schema, document)).toEqual([]);
  // The texts of this file hold one operation, first.
  const operation = document.definitions[0] as OperationDefinitionNode;
  return planOperation({ schema, model, fragments: fragmentsOf(document), variables }, operation);
}

describe("planOperation", () => {
  test("is plain data that survives JSON, with arguments as expressions", () => {
    const made = plan(
      `query($first: Int) { subjects(first: $first, where: {name: {in: ["a", "b"]}}) { nodes { name sessions { totalCount } } } }`,
    );
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    expect(made).toMatchSnapshot();
  });

  test("does not depend on values", () => {
    const text = `query($first: Int, $where: SubjectFilter) { subjects(first: $first, where: $where) { totalCount } }`;
    expect(plan(text, { first: 1 })).toEqual(plan(text, { first: 2, where: { name: { eq: "x" } } }));
  });

  test("depends on @skip and @include", () => {
    const text = `query($no: Boolean!) { subjects { totalCount nodes @skip(if: $no) { name } } }`;
    const kinds = (no: boolean) =>
      plan(text, { no }).roots.flatMap((root) =>
        root.kind === "list" ? root.selection.map(({ kind }) => kind) : [],
      );
    expect(kinds(true)).toEqual(["totalCount"]);
    expect(kinds(false)).toEqual(["totalCount", "nodes"]);
  });

  test("tells aggregates and groups apart by column and key, and keeps their arguments as expressions", () => {
    const made = plan(
      `query($by: [SessionGroupKey!]!) { sessions { aggregate { n: count max { sessionIdx } } groupBy(by: $by, having: {count: {gt: 1}}) { key { subjectId __typename } } } }`,
    );
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    expect(made.roots[0]).toMatchObject({
      selection: [
        {
          kind: "aggregate",
          selection: [
            { kind: "count", key: "n" },
            { kind: "max", selection: [{ kind: "measure", key: "sessionIdx", column: "session_idx" }] },
          ],
        },
        {
          kind: "groupBy",
          at: 1,
          selection: [
            { kind: "key", selection: [{ kind: "value", field: "subjectId" }, { kind: "typename" }] },
          ],
        },
      ],
    });
    expect(made.places[1]).toEqual({
      use: { kind: "groups", entity: "Session" },
      within: 0,
      arguments: {
        by: { expression: { kind: "variable", name: "by" }, required: true },
        having: { expression: { kind: "literal", value: { count: { gt: 1 } } }, required: false },
      },
    });
  });

  test("merges fields of one name, and keeps response order", () => {
    const made = plan(
      `{ a: subject(subjectId: 1) { name } b: __typename a: subject(subjectId: 1) { subjectId } }`,
    );
    expect(made.roots.map(({ key }) => key)).toEqual(["a", "b"]);
    expect(made.roots[0]).toMatchObject({ selection: [{ key: "name" }, { key: "subjectId" }] });
  });
});

describe("shapeOf", () => {
  test("tells filters apart by operators, not by values", () => {
    const made = plan(
      `query($where: SubjectFilter, $first: Int) { subjects(first: $first, where: $where) { totalCount } }`,
    );
    const shape = (variables: Record<string, unknown>) =>
      shapeOf(resolveArguments(made.places, variables, { model, limits: defaultApiLimits }));
    const eq = (value: unknown) => shape({ where: { name: { eq: value } } });
    expect(eq("a")).toBe(eq("b"));
    expect(shape({ first: 1 })).toBe(shape({ first: 2 }));
    expect(
      new Set([
        eq("a"),
        shape({ where: { name: { neq: "a" } } }),
        shape({ where: { name: { isNull: true } } }),
        shape({ where: { name: { isNull: false } } }),
        shape({}),
      ]).size,
    ).toBe(5);
  });
});
