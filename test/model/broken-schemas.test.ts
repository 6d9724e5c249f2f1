/** One fault a file: the first line of each fixture is the whole message that the file must give. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import { parseModel } from "../../src/model/parse.ts";
import { testContext } from "./context.ts";

const folder = new URL("../fixtures/broken-schemas/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".graphql"));

function messageOf(text: string): string {
  try {
    parseModel([{ path: "schema.graphql", text }], testContext);
  } catch (error) {
    if (isServiceError(error, "SCHEMA_INVALID")) return error.message;
    throw error;
  }
  return "";
}

describe("broken schemas", () => {
  it("are many", () => {
    expect(names.length).toBeGreaterThan(150);
  });

  it.each(names)("%s gives its message, whole", (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const [first = ""] = text.split("\n");
    expect(messageOf(text)).toBe(first.replace(/^# /, ""));
  });
});
