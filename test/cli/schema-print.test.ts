/** `schema print`: the API's schema from the schema file alone, for tools that make clients. */

import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  buildClientSchema,
  buildSchema,
  lexicographicSortSchema,
  printSchema,
  validateSchema,
} from "graphql";
import { afterAll, describe, expect, it, vi } from "vitest";
import { holdfast } from "../acceptance/support/process.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-print-"));
const schema = `
"A mouse."
type Subject @table { "Number of its ear tag." subjectId: BigInt! @key  weight: Decimal @column(type: "decimal(9,3)") }
type Session @table { subject: Subject! @key  sessionIdx: Int! @key  startedAt: DateTime!  trace: NdArray @codec(name: "npy", store: "default") }
`;
writeFileSync(join(folder, "schema.graphql"), schema);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Nobody listens there: whoever asks the database fails.
const nowhere = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
const run = (...args: string[]) => holdfast(["schema", "print", ...args], { cwd: folder, env: nowhere });

describe("schema print", () => {
  it("needs the schema file only, and leaves nothing behind", () => {
    const { code, out, err } = run();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(run().out).toBe(out);
    expect(readdirSync(folder)).toEqual(["schema.graphql"]);
    expect(validateSchema(buildSchema(out))).toEqual([]);
    expect(out).toContain('"A mouse."\ntype Subject implements Node {');
    expect(out).toContain('"Number of its ear tag."\n  subjectId: BigInt!');
    expect(out).toContain('scalar UUID @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc9562")');
    expect(out).not.toMatch(/\n\n\n/);
    expect(JSON.parse(run("--json").out)).toEqual({ sdl: out });
  });

  it("prints what introspection would answer", () => {
    const { out } = run("--introspection");
    const told = printSchema(lexicographicSortSchema(buildClientSchema(JSON.parse(out))));
    expect(told).toBe(printSchema(lexicographicSortSchema(buildSchema(run().out))));
    expect(told).toContain("input SessionOrderBy @oneOf");
    expect(JSON.parse(run("--introspection", "--json").out)).toEqual(JSON.parse(out));
  });

  it("prints the system API as the reference has it", () => {
    const reference = readFileSync(
      resolve(import.meta.dirname, "../../docs/reference/system.graphql"),
      "utf8",
    );
    expect(run("--system").out).toBe(reference);
  });

  it("writes a file, and touches one that is as it should be no more", () => {
    const file = join(folder, "api.graphql");
    expect(run("--out", "api.graphql")).toMatchObject({ code: 0, out: "api.graphql: written\n" });
    expect(readFileSync(file, "utf8")).toBe(run().out);
    const written = statSync(file, { bigint: true }).mtimeNs;
    expect(run("--out", "api.graphql").out).toBe("api.graphql: nothing to change\n");
    expect(statSync(file, { bigint: true }).mtimeNs).toBe(written);
    writeFileSync(file, "old");
    expect(JSON.parse(run("--out", "api.graphql", "--json").out)).toEqual({ file, changed: true });
    expect(readFileSync(file, "utf8")).toBe(run().out);
  });

  it("goes into a pipe whose reader has seen enough", () => {
    const command = resolve(import.meta.dirname, "../../dist/src/cli/holdfast.js");
    const line = '"$0" "$1" schema print --introspection | head -n 1';
    const { stdout, stderr } = spawnSync("sh", ["-c", line, process.execPath, command], { cwd: folder });
    expect([stdout.toString(), stderr.toString()]).toEqual(["{\n", ""]);
  });

  it("never writes over the schema file, nor where it cannot", () => {
    symlinkSync("schema.graphql", join(folder, "link.graphql"));
    mkdirSync(join(folder, "taken"));
    for (const out of ["schema.graphql", "link.graphql", "taken", "no/such/folder.graphql"]) {
      const { code, err } = run("--out", out, "--json");
      expect({ code, ...JSON.parse(err) }).toMatchObject({
        code: 2,
        error: { code: "BAD_USER_INPUT", field: "--out", remedy: expect.any(String) },
      });
    }
    expect(readFileSync(join(folder, "schema.graphql"), "utf8")).toBe(schema);
  });

  it("tells what is wrong with the schema file, and with the command line", () => {
    writeFileSync(join(folder, "broken.graphql"), "type Subject @table { name: String }");
    expect(run("--schema", "broken.graphql")).toMatchObject({
      out: "",
      err: expect.stringContaining("broken.graphql:1:"),
    });
    expect(run("--schema", "none.graphql")).toMatchObject({ code: 3, out: "" });
    expect(run("everything").code).toBe(2);
    expect(run("--server", "http://127.0.0.1:1")).toMatchObject({ code: 6, out: "" });
  });
});
