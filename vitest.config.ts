import { availableParallelism } from "node:os";
import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { vitePlugins } from "./test/mutants/plugins.ts";

/** Suites of many random lives, many deaths and many processes: `npm run test:long`, and in `.ci/run`. */
const long = [
  "test/acceptance/capability-keys.test.ts",
  "test/acceptance/fuzz.test.ts",
  "test/acceptance/kill.test.ts",
  "test/acceptance/plugins.test.ts",
  "test/acceptance/store-identity.test.ts",
  "test/api/jobs/declared.test.ts",
  "test/adopt/**",
  "test/acceptance/damage.test.ts",
  "test/api/write/failure-matrix.test.ts",
  "test/backup/**",
  "test/codec/apart.test.ts",
  "test/cli/collect.test.ts",
  "test/cli/commands.test.ts",
  "test/cli/external-database.test.ts",
  "test/cli/get.test.ts",
  "test/cli/guarded.test.ts",
  "test/cli/introspect.test.ts",
  "test/cli/private-service.test.ts",
  "test/cli/read-only.test.ts",
  "test/populate/populate.test.ts",
  "test/cli/schema-print.test.ts",
  "test/cli/terminal.test.ts",
  "test/cli/upload.test.ts",
  "test/codecs/large-statistics.test.ts",
  "test/codecs/zarr-hostile-random.test.ts",
  "test/collector/bytes-reap.test.ts",
  "test/collector/bytes.test.ts",
  "test/collector/clone-against-delete.test.ts",
  "test/collector/doubts.test.ts",
  "test/collector/ddl-elsewhere.test.ts",
  "test/collector/effectiveness.test.ts",
  "test/collector/interleavings.test.ts",
  "test/collector/kill-drill.test.ts",
  "test/collector/model-runs.test.ts",
  "test/collector/safety.test.ts",
  "test/collector/truth-doubts.test.ts",
  "test/collector/truth-healer.test.ts",
  "test/collector/truth-random.test.ts",
  "test/collector/truth-reconcile.test.ts",
  "test/crash/**",
  "test/db/embedded.test.ts",
  "test/db/apply-evolve.test.ts",
  "test/db/lineage.test.ts",
  "test/db/rename-peer.test.ts",
  "test/extend/example.test.ts",
  "test/hostile/**",
  "test/http/tus-route.test.ts",
  "test/introspect/random.test.ts",
  "test/job/expire.test.ts",
  "test/job/worker.test.ts",
  "test/live/random-lives.test.ts",
  "test/migrate/stores.test.ts",
  "test/mutants/cheap.test.ts",
  "test/parity/parity.test.ts",
  "test/property/**",
  "test/security/cross-site.test.ts",
  "test/security/paths.test.ts",
  "test/security/secrets.test.ts",
  "test/security/served-bytes.test.ts",
  "test/sql/job-source.test.ts",
];
/** Too long for every change: `npm run test:drills`. */
const drills = [
  "test/acceptance/resumable.test.ts",
  "test/cli/upload-resume.test.ts",
  "test/collector/bytes-deaths.test.ts",
  "test/collector/dry-run.test.ts",
  "test/collector/large.test.ts",
  "test/collector/truth-memory.test.ts",
  "test/db/apply-random.test.ts",
  "test/migrate/live.test.ts",
  "test/parity/teeth.test.ts",
];
/** What plugins import of Holdfast is its source here. */
const ours = Object.entries({
  "holdfast/codec": "src/codec/contract.ts",
  "holdfast/codec/testing": "src/codec/testing.ts",
  "holdfast/store": "src/store/contract.ts",
  "holdfast/store/path": "src/store/path.ts",
  "holdfast/store/testing": "src/store/testing.ts",
}).map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: join(import.meta.dirname, file) }));
/** Suites on a real S3 server: `npm run test:s3`, and in `.ci/run`. */
const s3 = ["test/s3/**"];
/** Any test file by its name: for `npm run test:mutants`. */
const all = ["test/**/**"];
const suites: Readonly<Record<string, readonly string[]>> = { all, drills, long, s3 };
const suite = suites[process.env["SUITE"] ?? ""];

export default defineConfig({
  resolve: {
    // vite resolves graphql to its ESM file, other packages to the CommonJS one: two realms. One file for all.
    alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }, ...ours],
  },
  oxc: { decorator: { legacy: true } },
  plugins: vitePlugins(),
  test: {
    include: suite?.map((path) => path.replace(/\*\*$/, "*.test.ts")) ?? ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(suite === undefined ? [...long, ...drills, ...s3] : [])],
    globalSetup: ["test/support/global-postgres.ts"],
    setupFiles: ["test/support/seed.ts"],
    // Processes, sockets and clocks of a busy machine: CI looks twice, and the report says which tests needed it.
    retry: process.env["CI"] ? 1 : 0,
    // Much of the time is waiting for processes: also where there are two cores two files run side by side.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
