/**
 * h5py against Holdfast: a file that h5py wrote is uploaded and read by GraphQL; h5py reads it from the field's URL, whole and by ranges,
 * and both find the same. Installs h5py into `.cache/`. `npm run test:hdf5`, ends with `N passed, N failed`.
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { graphql, startHoldfast } from "../../acceptance/support/process.ts";
import { startChecks } from "../../support/checks.ts";

const root = resolve(import.meta.dirname, "../../..");
const environment = join(root, ".cache", "h5py-3");
const python = join(environment, "bin", "python");
const layouts = readFileSync(join(root, "test/fixtures/hdf5/layouts.h5"));
const paths = ["chunked", "contiguous", "gzip", "scale"];

function must(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} failed:\n${stderr}`);
}

/** The service runs in another process, but its answers are read here: no waiting without giving way. */
function told(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString("utf8")));
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (status) => (status === 0 ? done(out) : fail(new Error(`${program}: ${status}`))));
  });
}

const { check, end } = startChecks();
if (!existsSync(join(environment, "lib")) || spawnSync(python, ["-c", "import h5py"]).status !== 0) {
  must("python3", ["-m", "venv", "--clear", environment]);
  must(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "h5py==3.15.1"]);
}
const folder = mkdtempSync(join(tmpdir(), "holdfast-hdf5-"));
const schema = join(import.meta.dirname, "schema.graphql");
const args = ["--schema", schema, "--data", join(folder, "data"), "--port", "0", "--no-sample"];
const service = await startHoldfast(args, { cwd: folder });
const ask = async <T>(query: string, variables: object = {}) => {
  const { data, errors } = await graphql<T>(service.url, query, variables);
  if (data === undefined || errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
};

async function uploaded(bytes: Uint8Array, filename: string): Promise<string> {
  const target = { type: "Scan", field: "file" };
  const { createUpload } = await ask<{ createUpload: { id: string; url: string } }>(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }",
    { input: { target, filename } },
  );
  const { status } = await fetch(createUpload.url, { method: "PUT", body: new Uint8Array(bytes) });
  ok(status < 300, `the upload was answered with ${status}`);
  return createUpload.id;
}

const insert =
  "mutation ($id: ID!, $n: Int!) { createScan(input: {scanId: $n, file: {upload: $id}}) { scan { scanId } } }";

try {
  let url = "";
  await check("a file of h5py is uploaded", async () => {
    await ask(insert, { id: await uploaded(layouts, "layouts.h5"), n: 1 });
    const found = await ask<{ scan: { file: { url: string; sizeBytes: string } } }>(
      "{ scan(scanId: 1) { file { url sizeBytes } } }",
    );
    deepStrictEqual(found.scan.file.sizeBytes, String(layouts.length));
    url = found.scan.file.url;
  });
  await check("what is no HDF5 file is refused", async () => {
    for (const bytes of [Buffer.from("plain text"), layouts.subarray(0, 5000)]) {
      const id = await uploaded(bytes, "x.h5");
      await ask(insert, { id, n: 2 }).then(
        () => {
          throw new Error("it was taken");
        },
        (error: unknown) => ok(String(error).includes("CODEC_INVALID_VALUE"), String(error)),
      );
    }
  });
  const theirs = JSON.parse(await told(python, [join(import.meta.dirname, "check.py"), url, ...paths]));
  await check("h5py reads the URL, whole and by ranges", async () => {
    deepStrictEqual(theirs.size, layouts.length);
    ok(theirs.received > 0);
  });
  for (const path of paths) {
    await check(`GraphQL and h5py find the same in ${path}`, async () => {
      const { scan } = await ask<{ scan: { file: Record<string, unknown> } }>(
        `query ($path: String!) { scan(scanId: 1) { file {
          values(path: $path, slice: [{start: 10, stop: 14}, {start: 5, stop: 50, step: 20}])
          statistics(path: $path) { count nanCount min max mean std }
          datasets(prefix: $path) { path dtype shape }
        } } }`,
        { path },
      );
      const expected = theirs.datasets[path];
      deepStrictEqual(scan.file["values"], expected.values);
      deepStrictEqual(scan.file["datasets"], [{ path, dtype: expected.dtype, shape: expected.shape }]);
      const s = scan.file["statistics"] as Record<string, number | string>;
      const ours = [Number(s["count"]), s["min"], s["max"], s["mean"], s["std"]].map(Number);
      for (const [i, n] of ours.entries())
        ok(Math.abs(n - expected.statistics[i]) <= 1e-9 * Math.abs(n), `${n}, not ${expected.statistics[i]}`);
    });
  }
} finally {
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
end();
