/**
 * Everything about S3 on a real S3 server. Installs versitygw into `.cache/` (needs Go and the network, once), then runs the tests of
 * `test/s3`. Ends with `N passed, N failed`. With CI=true a missing Go is a failure; elsewhere it is told and nothing runs.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const version = "v1.8.0";
const folder = join(root, ".cache", `versitygw-${version}`);
const binary = join(folder, process.platform === "win32" ? "versitygw.exe" : "versitygw");
const report = join(folder, "report.json");

function fail(text: string): never {
  process.stderr.write(`${text}\n0 passed, 1 failed\n`);
  process.exit(1);
}

function install(): void {
  if (existsSync(binary)) return;
  mkdirSync(folder, { recursive: true });
  if (spawnSync("go", ["version"]).status !== 0) {
    if (process.env["CI"]) fail("Go is needed to build the S3 server of these tests: https://go.dev/dl/");
    process.stdout.write(
      "Not run: Go is needed to build the S3 server of these tests (https://go.dev/dl/).\n",
    );
    process.stdout.write("0 passed, 0 failed\n");
    process.exit(0);
  }
  process.stdout.write(`Building versitygw ${version}; minutes, once.\n`);
  const built = spawnSync("go", ["install", `github.com/versity/versitygw/cmd/versitygw@${version}`], {
    stdio: "inherit",
    env: { ...process.env, GOBIN: folder },
  });
  if (built.status !== 0 || !existsSync(binary)) fail(`versitygw ${version} could not be built.`);
}

install();
// The tests of the whole service run the built command.
const built = spawnSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: "inherit" });
if (built.status !== 0) fail("dist/ could not be built.");
rmSync(report, { force: true });
const only = process.argv.slice(2);
const args = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", ...only];
const { status } = spawnSync(process.execPath, [...args, `--outputFile.json=${report}`], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, SUITE: "s3", HOLDFAST_TEST_VERSITYGW: binary },
});
if (!existsSync(report)) fail(`vitest ended with ${status} and no report.`);
const { numPassedTests: passed, numFailedTests, success } = JSON.parse(readFileSync(report, "utf8"));
const failed = success === true && status === 0 ? 0 : Math.max(1, numFailedTests);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
