/** The table of limits and its page say the same, in both directions. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { defaultApiLimits, limitSettings } from "../../src/api/limits.ts";
import { decodeLimitSettings, defaultDecodeLimits } from "../../src/format/decode-limits.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/reference/limits.md"), "utf8");

it("docs/reference/limits.md lists exactly the limits, with their settings and defaults", () => {
  const rows = [...page.matchAll(/^\| [^|]+ \| (\d+) \| `(HOLDFAST_[A-Z_]+)` \|/gm)];
  const told = rows.map(([, value, setting]) => [setting, Number(value)]);
  const settings = { ...limitSettings, ...decodeLimitSettings };
  const defaults = Object.entries({ ...defaultApiLimits, ...defaultDecodeLimits });
  // Both have the keys of ApiLimits and of DecodeLimits.
  const limits = Object.entries(settings).map(([name, setting]) => [
    setting,
    defaults.find(([key]) => key === name)?.[1],
  ]);
  expect(told.sort()).toEqual(limits.sort());
});
