/** `introspect` as its user calls it: the text on stdout, what is told on stderr, nothing made in the database. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { holdfast } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";

// Each step is a process of its own.
vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-introspect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let url = "";

const schemasOf = async (): Promise<readonly string[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
};

beforeAll(async () => {
  url = await freshDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(readFileSync(join(import.meta.dirname, "../fixtures/datajoint/dump.sql"), "utf8"));
  await client.end();
});

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  holdfast(["introspect", ...args], { cwd: folder, env: { DATABASE_URL: "", PGHOST: "", ...env } });

describe("holdfast introspect", () => {
  it("prints a schema file that check takes, tells of stores and codecs, and makes nothing", async () => {
    const before = await schemasOf();
    const { code, out, err } = run(["--schema", "djf_lab", "--schema", "djf_blobs"], { DATABASE_URL: url });
    expect({ code, out: out.split("\n")[0] }).toEqual({
      code: 0,
      out: "# Tables of djf_lab, djf_blobs, as holdfast introspect found them.",
    });
    expect(err).toContain("named and not configured; add them to datajoint.json: cold");
    expect(err).toContain("so that their fields are Opaque: demograph, demopoly");
    expect(err).toContain("13 tables; nothing was changed in the database.");
    expect(await schemasOf()).toEqual(before);
    expect(readdirSync(folder)).toEqual([]);
    const file = join(folder, "schema.graphql");
    const saved = run(["--schema", "djf_lab", "--schema=djf_blobs", "--url", url, "--out", file, "--json"]);
    expect(JSON.parse(saved.out)).toMatchObject({ file, changed: true, tables: 13, faults: [] });
    expect(readFileSync(file, "utf8")).toBe(out);
    for (const name of ["main", "cold"]) mkdirSync(join(folder, name));
    const stores = JSON.stringify({
      default: "main",
      main: { protocol: "file", location: join(folder, "main") },
      cold: { protocol: "file", location: join(folder, "cold") },
    });
    const checked = holdfast(["check"], { cwd: folder, env: { DJ_STORES: stores } });
    expect({ code: checked.code, err: checked.err }).toMatchObject({ code: 0 });
  });

  it.each([
    [["--schema", "nowhere"], 3, "There are: djf_blobs, djf_lab, djf_objects, djf_types, public."],
    [["--schema", "public"], 3, "No table of public can be described: there is none."],
    [[], 2, "introspect needs the PostgreSQL schemas to describe."],
    [["--schema", "djf_lab", "--url", "mysql://x"], 2, "--url is not a PostgreSQL URL."],
    [
      ["--schema", "djf_lab", "--url", "postgresql://nobody@127.0.0.1:1/none"],
      6,
      "PostgreSQL cannot be reached",
    ],
  ])("%j ends with %i: %s", (args, code, message) => {
    const ended = run(args, { DATABASE_URL: url });
    expect({ code: ended.code, out: ended.out }).toEqual({ code, out: "" });
    expect(ended.err).toContain(message);
  });

  it("needs a database to be named", () => {
    const ended = run(["--schema", "djf_lab"]);
    expect({ code: ended.code, out: ended.out }).toEqual({ code: 2, out: "" });
    expect(ended.err).toContain("Give --url, or set DATABASE_URL.");
  });
});
