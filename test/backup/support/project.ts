/** A project folder as its user has it: commands and services run in it, on a database of its own. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { type Environment, holdfast, startHoldfast } from "../../acceptance/support/process.ts";

/** A project folder with a database of its own. */
export class Project {
  readonly folder: string;
  readonly #env: Environment;

  constructor(parent: string, name: string, database: string) {
    this.folder = join(parent, name);
    mkdirSync(this.folder);
    this.#env = { DATABASE_URL: database };
  }

  run(args: readonly string[], fault = "") {
    return holdfast(args, { cwd: this.folder, env: { ...this.#env, HOLDFAST_FAULT: fault } });
  }

  start() {
    return startHoldfast(["--port", "0", "--no-sample"], { cwd: this.folder, env: this.#env });
  }

  async rows(sql: string): Promise<string[]> {
    const client = new Client({ connectionString: this.#env["DATABASE_URL"] });
    await client.connect();
    try {
      const { rows } = await client.query<{ row: string }>(
        `SELECT t::text AS row FROM (${sql}) t ORDER BY 1`,
      );
      return rows.map(({ row }) => row);
    } finally {
      await client.end();
    }
  }

  /** Digest of every file of the default store, but of its marker. */
  files(): Record<string, string> {
    const store = join(this.folder, "data/stores/main");
    const found = readdirSync(store, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const paths = found.map((entry) => join(entry.parentPath, entry.name).slice(store.length + 1));
    return Object.fromEntries(
      paths
        .filter((path) => !path.startsWith("_obj/"))
        .map((path) => [
          path,
          createHash("sha256")
            .update(readFileSync(join(store, path)))
            .digest("hex"),
        ]),
    );
  }
}
