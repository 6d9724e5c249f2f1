/** A few cheap mutants, each planted in another way than the last; all of them: `npm run test:mutants`. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, inject, test } from "vitest";

function plant(...names: readonly string[]) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^VITEST|^SUITE$/.test(name)),
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--no-warnings", join(import.meta.dirname, "run.ts"), ...names],
    { encoding: "utf8", env: { ...env, HOLDFAST_TEST_POSTGRES: inject("postgresUrl") } },
  );
  return { status, stdout, stderr };
}

test("are caught by the suites that look for them", { timeout: 300_000 }, () => {
  const { status, stdout, stderr } = plant("M2-hold-key", "M12-delete-of-nothing", "dry-run-writes");
  expect(stdout, stderr).toMatch(/^ok {3}M2-hold-key +caught by race\/interleavings\.test\.ts/m);
  expect(stdout).toMatch(/^ok {3}M12-delete-of-nothing +caught by collector\/bytes\.test\.ts/m);
  expect(stdout).toMatch(/^ok {3}dry-run-writes +caught by collector\//m);
  expect(stdout).toMatch(/^3 as expected, 0 not$/m);
  expect(status).toBe(0);
});

test("one that nobody knows is told by name", () => {
  expect(plant("M99-nothing")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("There is no mutant M99-nothing"),
  });
});
