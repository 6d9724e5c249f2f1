/** The reference page is true: its examples parse, its tables say what the code does. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { directiveRules } from "../../src/model/directive.ts";
import { parseModel } from "../../src/model/parse.ts";
import { reservedFieldNames } from "../../src/model/reserved.ts";
import { parseSpec, scalarRules } from "../../src/model/spec.ts";
import { testContext } from "./context.ts";

const page = readFileSync(new URL("../../docs/reference/schema-language.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```graphql\n(.*?)```/gs)].map((match) => match[1] ?? "");

/** Cells of the table whose first heading is `heading`, without code marks. */
function rowsOf(heading: string): string[][] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`)) + 2;
  const end = lines.findIndex((line, at) => at > start && !line.startsWith("|"));
  return lines.slice(start, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

describe("the reference page of the schema language", () => {
  it("has examples, and each is a valid schema", () => {
    expect(examples.length).toBeGreaterThanOrEqual(3);
    for (const text of examples) parseModel([{ path: "example.graphql", text }], testContext);
  });

  it("lists every scalar with its types", () => {
    const told = rowsOf("GraphQL").map(([name, spec, allowed]) => [name, spec, allowed]);
    const real = [...scalarRules].map(([name, rule]) => [
      name,
      rule.spec ?? "must be given",
      rule.allowed.join(", "),
    ]);
    expect(told).toEqual(real);
  });

  it("tells the PostgreSQL type of each default", () => {
    for (const [, spec = "", , sql] of rowsOf("GraphQL").filter(([name]) => name !== "Decimal")) {
      expect(parseSpec(spec, "", () => undefined)?.sql).toBe(sql);
    }
  });

  it("lists every directive with its arguments", () => {
    const told = rowsOf("directive").map(([text = ""]) => text);
    const real = [...directiveRules].map(([name, { arguments: args }]) => {
      const names = Object.keys(args).map((each) => `${each}:`);
      return names.length === 0 ? `@${name}` : `@${name}(${names.join(", ")})`;
    });
    expect(told).toEqual(real);
  });

  it("names stored as it says", () => {
    const told = new Map(rowsOf("in GraphQL").map(([name = "", stored = ""]) => [name, stored]));
    const model = parseModel(
      [
        {
          path: "names.graphql",
          text: `type LFPScan @table { a: Int! @key startedAt: Date }
            type Species @table(tier: LOOKUP) { b: Int! @key }
            type Scan @table(tier: IMPORTED) { c: Int! @key }
            type ScanStats @table(tier: COMPUTED) { d: Int! @key }
            type ScanStatsUnit @table(partOf: "ScanStats") { stats: ScanStats! @key e: Int! @key }`,
        },
      ],
      testContext,
    );
    const tables = model.entities.map((entity) => entity.table);
    expect([...told.values()]).toEqual([...tables, model.entity.get("LFPScan")?.columns[1]?.name]);
  });

  it("tells every reserved field", () => {
    for (const name of reservedFieldNames.keys()) expect(page).toContain(`\`${name}\``);
  });
});
