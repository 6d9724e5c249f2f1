/** The printed schema of the system API is a file of the reference. `UPDATE_REFERENCE=1` writes it anew, to be reviewed by eye. */

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { lexicographicSortSchema, printSchema } from "graphql";
import { expect, it } from "vitest";
import { describeSystemSchema } from "../../src/system/schema.ts";

const file = resolve(import.meta.dirname, "../../docs/reference/system.graphql");

it("is documented as it is", async () => {
  const schema = await describeSystemSchema();
  const printed = `${printSchema(lexicographicSortSchema(schema))}\n`;
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(file, printed);
  expect(readFileSync(file, "utf8")).toBe(printed);
});

it("describes every type and every operation", async () => {
  const schema = await describeSystemSchema();
  const builtIn = ["Query", "Mutation", "Subscription", "String", "Int", "Boolean", "ID"];
  const types = Object.values(schema.getTypeMap()).filter(
    ({ name }) => !name.startsWith("__") && !builtIn.includes(name),
  );
  const operations = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
    (root) => Object.values(root?.getFields() ?? {}),
  );
  expect(operations.length).toBeGreaterThan(10);
  expect([...types, ...operations].filter(({ description }) => !description).map(({ name }) => name)).toEqual(
    [],
  );
});
