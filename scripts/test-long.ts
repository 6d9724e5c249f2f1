/**
 * The long suites: random models through the whole API, kills at the fault points. With `drills` those that are too long for every change: uploads and
 * changes of codecs through deaths, a hundred thousand objects in little memory, faults that the parity suite must notice. Builds first, as `npm test` does.
 */

import { spawnSync } from "node:child_process";

const env = { ...process.env, SUITE: process.argv[2] ?? "long" };
for (const args of [["scripts/build.ts"], ["node_modules/vitest/vitest.mjs", "run"]]) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
  if (status !== 0) process.exit(status ?? 1);
}
