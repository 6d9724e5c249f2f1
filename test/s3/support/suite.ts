/** Brings a real S3 server, built from its sources, and runs the S3 tests on it. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** An S3 server that Go builds. */
export interface ServerSource {
  readonly name: "versitygw" | "minio";
  /** Import path of its command. */
  readonly module: string;
  readonly version: string;
}

/** Ends the process, having said why. */
function fail(text: string): never {
  process.stderr.write(`${text}\n0 passed, 1 failed\n`);
  process.exit(1);
}

/** Path of the built server, built into `.cache/` (needs Go and the network, once); `undefined`, and told, where there is no Go. */
export function find({ name, module, version }: ServerSource): string | undefined {
  const folder = join(root, ".cache", `${name}-${version}`);
  const binary = join(folder, process.platform === "win32" ? `${name}.exe` : name);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  if (spawnSync("go", ["version"]).status !== 0) {
    if (process.env["CI"]) fail("Go is needed to build the S3 server of these tests: https://go.dev/dl/");
    process.stdout.write(
      "Not run: Go is needed to build the S3 server of these tests (https://go.dev/dl/).\n",
    );
    return undefined;
  }
  process.stdout.write(`Building ${name} ${version}; minutes, once.\n`);
  const built = spawnSync("go", ["install", `${module}@${version}`], {
    stdio: "inherit",
    env: { ...process.env, GOBIN: folder },
  });
  if (built.status !== 0 || !existsSync(binary)) fail(`${name} ${version} could not be built.`);
  return binary;
}

/** The same; ends the process where there is no Go: as a failure with CI=true. */
export function install(source: ServerSource): string {
  const binary = find(source);
  if (binary !== undefined) return binary;
  process.stdout.write("0 passed, 0 failed\n");
  process.exit(0);
}

/** Builds the service, which some tests run. */
export function buildService(): void {
  const built = spawnSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: "inherit" });
  if (built.status !== 0) fail("dist/ could not be built.");
}

/** Runs the tests on the server and ends the process with `N passed, N failed`. */
export function runOn(source: ServerSource, tests: readonly string[]): never {
  const binary = install(source);
  buildService();
  const report = join(root, ".cache", `s3-${source.name}.json`);
  rmSync(report, { force: true });
  const args = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", ...tests];
  const { status } = spawnSync(process.execPath, [...args, `--outputFile.json=${report}`], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, SUITE: "s3", HOLDFAST_TEST_S3: `${source.name}:${binary}` },
  });
  if (!existsSync(report)) fail(`vitest ended with ${status} and no report.`);
  const { numPassedTests: passed, numFailedTests, success } = JSON.parse(readFileSync(report, "utf8"));
  const failed = success === true && status === 0 ? 0 : Math.max(1, numFailedTests);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
