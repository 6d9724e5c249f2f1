/** Variables are coerced as graphql-js coerces them, faults included. */

import fc from "fast-check";
import { buildSchema, type GraphQLScalarType, type GraphQLSchema, getVariableValues, parse } from "graphql";
import { expect, it } from "vitest";
import { coerceVariables } from "../../src/api/coerce-variables.ts";

const schema: GraphQLSchema = buildSchema(`
  scalar Odd
  enum Color { RED GREEN }
  input Key @oneOf { id: Int  name: String }
  input Node { id: Int!  name: String = "n"  tags: [String!]  parent: Node  key: Key  odd: Odd  color: Color = RED  grid: [[Int]!] }
  type Query { a(node: Node, nodes: [Node!]!, n: Int): Int }
`);
Object.assign(schema.getType("Odd") as GraphQLScalarType, {
  parseValue: (value: unknown) => {
    if (value === "undefined") return undefined;
    if (typeof value === "number" && value % 2 === 1) return BigInt(value);
    throw new TypeError("not odd");
  },
});

const document = parse(
  "query ($node: Node, $nodes: [Node!]! = [], $n: Int = 3, $color: Color!, $grid: [[Int]!]) { __typename }",
);
const [operation] = document.definitions;
const definitions = operation?.kind === "OperationDefinition" ? (operation.variableDefinitions ?? []) : [];

const sometimes = <T>(value: fc.Arbitrary<T>, wrong: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 60, arbitrary: value }, { weight: 1, arbitrary: wrong });
const wrong = fc.constantFrom<unknown>(null, "x", "undefined", 1.5, true, [], {}, [null], 2 ** 40);
const key = sometimes(
  fc.oneof(fc.record({ id: fc.integer({ min: 0, max: 9 }) }), fc.record({ name: fc.string() })),
  fc.constantFrom<unknown>({}, { id: null }, { id: 1, name: "a" }, { id: 1, name: null }),
);
/** Now and then with a field that the type has not, by a name that every object has. */
const strange = (object: fc.Arbitrary<object>) =>
  fc.tuple(object, fc.nat(60)).map(([one, dice]) => (dice === 0 ? { ...one, toString: 1 } : one));
const { node } = fc.letrec((tie) => ({
  node: fc.record(
    {
      id: sometimes(fc.integer({ min: -9, max: 9 }), wrong),
      name: sometimes(fc.string(), wrong),
      tags: sometimes(fc.oneof(fc.array(fc.string(), { maxLength: 3 }), fc.string()), wrong),
      parent: fc.oneof({ maxDepth: 2 }, fc.constant(null), tie("node")),
      key: sometimes(key, wrong),
      odd: sometimes(fc.constantFrom(1, 3), wrong),
      color: sometimes(fc.constantFrom("RED", "GREEN"), wrong),
      grid: sometimes(
        fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }), { maxLength: 2 }),
        wrong,
      ),
    },
    { requiredKeys: ["id"] },
  ),
}));
const variables = fc.record(
  {
    node: sometimes(strange(node), wrong),
    nodes: sometimes(fc.array(strange(node), { maxLength: 3 }), wrong),
    n: sometimes(fc.integer({ min: 0, max: 9 }), wrong),
    color: sometimes(fc.constantFrom("RED", "GREEN"), wrong),
    grid: sometimes(
      fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }), { maxLength: 2 }),
      wrong,
    ),
    unknown: fc.constant(1),
  },
  { requiredKeys: ["color"] },
);

it("random variables, right and wrong", () => {
  let fitting = 0;
  fc.assert(
    fc.property(variables, (given) => {
      const theirs = getVariableValues(schema, definitions, given, { maxErrors: 50 });
      const ours = coerceVariables(schema, definitions, given);
      if (theirs.errors === undefined) fitting += 1;
      expect(ours.errors?.map(({ message }) => message)).toEqual(
        theirs.errors?.map(({ message }) => message),
      );
      expect(ours.coerced).toEqual(theirs.coerced);
      expect(Object.keys(ours.coerced ?? {})).toEqual(Object.keys(theirs.coerced ?? {}));
    }),
    { numRuns: 400 },
  );
  // The generator must reach both sides.
  expect(fitting).toBeGreaterThan(20);
  expect(fitting).toBeLessThan(370);
});
