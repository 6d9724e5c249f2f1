/** Builds `dist/`: the one place where TypeScript is emitted, since `src/system` uses decorators. Runs at `npm ci` and before tests. */

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { bundleQueryPage } from "./bundle-query-page.ts";

rmSync("dist", { recursive: true, force: true });
const built = spawnSync("tsc", ["-p", "src/system"], {
  stdio: "inherit",
  shell: process.platform === "win32",
});
await bundleQueryPage("dist/graphiql");
process.exit(built.status ?? 1);
