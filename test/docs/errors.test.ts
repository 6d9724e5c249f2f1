/** The error table and its page say the same, in both directions. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorTable } from "../../src/errors.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/reference/errors.md"), "utf8");
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (\d) \| (yes|no) \| (.+?) \|/gm)];

describe("docs/reference/errors.md", () => {
  it("lists exactly the codes of the table", () => {
    expect(rows.map(([, code]) => code).sort()).toEqual(Object.keys(errorTable).sort());
  });

  it("tells status, exit code, retryability and meaning as they are", () => {
    for (const [, code = "", status, exitCode, retryable, meaning] of rows) {
      const row = Object.entries(errorTable).find(([name]) => name === code)?.[1];
      expect({ code, status, exitCode, retryable, meaning }).toEqual({
        code,
        status: String(row?.httpStatus),
        exitCode: String(row?.exitCode),
        retryable: row?.retryable ? "yes" : "no",
        meaning: row?.meaning,
      });
    }
  });
});
