/**
 * DataJoint reads what the API has written, of every type and codec: with work-arounds for its own defects without a difference, and
 * unmodified with those that `explanations` tells, line by line, and no others.
 */

import { deepStrictEqual as equal } from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { put } from "../../acceptance/support/exchange.ts";
import { graphql, startHoldfast } from "../../acceptance/support/process.ts";
import type { Checks } from "../../support/checks.ts";
import { must, python, run } from "../python.ts";
import { writtenByPeer } from "./served.ts";
import { folder, inputOf, own, ownPath, readOf, sends, single, tables } from "./values.ts";

/** What an unmodified DataJoint 2.3.5 does not read, and why; `docs/guide/you-use-python.md` tells the same. */
const explanations: readonly { readonly line: RegExp; readonly times: number; readonly why: string }[] = [
  {
    line: /^DIFF kinds\.scalar\.token .*\n.*"ValueError: bytes is not a 16-char string"/,
    times: 1,
    why: "a uuid is not read: its PostgreSQL adapter expects 16 bytes where the driver has text",
  },
  {
    line: /^DIFF kinds\.token: DataJoint cannot list the keys: ValueError: bytes is not a 16-char string/,
    times: 1,
    why: "rows with a uuid in their key are not listed, for the same cause",
  },
  {
    line: /^DIFF kinds\.stored\.file .*\n.*"AttributeError: 'memoryview' object has no attribute 'index'"/,
    times: 1,
    why: "an attached file in the row is not read: the codec expects bytes where the driver has a memoryview",
  },
];

async function ask<Data>(url: string, query: string, variables: object = {}): Promise<Data> {
  const { data, errors } = await graphql<Data>(url, query, variables);
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** Sends the bytes of one upload, and answers its id. */
async function sent(url: string, field: string, isFolder: boolean): Promise<string> {
  const more = isFolder ? { kind: "TREE", filename: "movie.zarr" } : { filename: "single.dat" };
  const made = await ask<{ upload: { id: string; url: string } }>(
    url,
    "mutation ($input: CreateUploadInput!) { upload: createUpload(input: $input) { id url } }",
    { input: { target: { type: "Stored", field }, ...more } },
  );
  const { upload } = made;
  const files = isFolder
    ? Object.entries(folder).map(([path, content]) => [`/${path}`, content] as const)
    : [["", single] as const];
  for (const [path, content] of files) {
    const { status, message } = await put(`${upload.url}${path}`, content);
    if (status !== 201) throw new Error(`${path}: ${status} ${message}`);
  }
  if (isFolder)
    await ask(url, "mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: upload.id });
  return upload.id;
}

async function write(url: string): Promise<void> {
  for (const { type, rows } of tables) {
    for (const row of rows) {
      const input: Record<string, unknown> = { ...inputOf(row) };
      for (const [field, value] of Object.entries(input))
        if (value === sends.folder || value === sends.file)
          input[field] = { upload: await sent(url, field, value === sends.folder) };
      const query = `mutation ($input: Create${type}Input!) { create${type}(input: $input) { __typename } }`;
      await ask(url, query, { input });
    }
  }
}

export async function compareKinds(check: Checks["check"]): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-kinds-"));
  const schema = join(base, "schema.graphql");
  copyFileSync(join(import.meta.dirname, "schema.graphql"), schema);
  const place = (name: string) => ({ protocol: "file", location: join(base, name) });
  const stores = { default: "main", filepath_default: "main", main: place("main"), other: place("other") };
  const settings = join(base, "stores.json");
  writeFileSync(settings, JSON.stringify(stores));
  const file = join(base, "main", ownPath);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, own);
  mkdirSync(join(base, "other"));
  const data = join(base, "data");
  const args = ["--schema", schema, "--data", data, "--port", "0", "--no-sample", "--no-watch"];
  const service = await startHoldfast(args, {
    cwd: base,
    env: { DJ_STORES: JSON.stringify(stores), LOG_LEVEL: "warn" },
  });
  try {
    await check("the API writes a value of every type and codec", () => write(service.url));
    const { databaseUrl } = JSON.parse(readFileSync(join(data, "server.json"), "utf8"));
    const expected = join(base, "expected.json");
    const wanted = tables.map(({ stored, key, rows }) => [
      stored,
      { primary_key: key, rows: rows.map((row) => ({ values: readOf(row) })) },
    ]);
    writeFileSync(expected, JSON.stringify({ schemas: { kinds: Object.fromEntries(wanted) } }));
    const verify = (...mode: string[]) =>
      run(python, [
        join(import.meta.dirname, "../verify_with_datajoint.py"),
        ...["--dsn", databaseUrl, "--schema", "kinds", "--stores", settings, "--expected", expected],
        ...["--max", "1000", ...mode],
      ]);
    await check("DataJoint reads all of them, past its own defects", () => {
      process.stdout.write(must("verify", verify()));
    });
    await check("an unmodified DataJoint reads all of them but those that are explained", () => {
      explain(verify("--plain").out);
    });
    await check("an unmodified DataJoint writes all of them but a uuid", () => {
      const program = join(import.meta.dirname, "write.py");
      const args = ["--dsn", databaseUrl, "--stores", settings, "--folder", base];
      const ended = JSON.parse(must("write.py", run(python, [program, ...args]))) as Record<string, string>;
      const failed = Object.entries(ended).filter(([, how]) => how !== "ok");
      equal(
        failed.map(([column, how]) => [column, how.split(":")[0]]),
        [["scalar.token", "DatatypeMismatch"]],
      );
      const written = Object.keys(ended).filter((column) => ended[column] === "ok");
      equal(
        written,
        writtenByPeer.map(({ column }) => column),
      );
    });
    for (const { column, type, n, select, want } of writtenByPeer)
      await check(`the API serves ${column} as DataJoint wrote it`, async () => {
        const query = `query ($n: Int!) { row: ${type}(n: $n) { value: ${select} } }`;
        equal((await ask<{ row: { value: unknown } }>(service.url, query, { n })).row.value, want);
      });
  } finally {
    await service.end("SIGTERM");
    rmSync(base, { recursive: true, force: true });
  }
}

/** @throws with the lines that nothing explains, and the explanations that have no line, or another number of them. */
function explain(out: string): void {
  const lines = out.split(/^(?=DIFF )/m).filter((line) => line.startsWith("DIFF "));
  const unexplained = lines.filter((line) => !explanations.some((each) => each.line.test(line)));
  const off = explanations.filter(
    ({ line, times }) => lines.filter((each) => line.test(each)).length !== times,
  );
  if (unexplained.length > 0 || off.length > 0 || !/"differences": \d/.test(out))
    throw new Error(
      [...unexplained, ...off.map(({ why, times }) => `not ${times} times: ${why}`), out].join("\n"),
    );
  for (const { why, times } of explanations) process.stdout.write(`${times} × ${why}\n`);
}
