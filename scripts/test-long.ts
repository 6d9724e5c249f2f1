/** The long suites: random models through the whole API, kills at the fault points. Builds first, as `npm test` does. */

import { spawnSync } from "node:child_process";

const env = { ...process.env, SUITE: "long" };
for (const args of [["scripts/build.ts"], ["node_modules/vitest/vitest.mjs", "run"]]) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
  if (status !== 0) process.exit(status ?? 1);
}
