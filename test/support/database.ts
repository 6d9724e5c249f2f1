/** A fresh database for one test file, dropped when the file is done. */

import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { afterAll, inject } from "vitest";

/** Creates an empty database on the run's PostgreSQL and answers its URL. Call at the top of a test file or in `beforeAll`. */
export async function freshDatabase(): Promise<string> {
  const name = `t_${randomBytes(6).toString("hex")}`;
  await admin(`CREATE DATABASE ${name}`);
  afterAll(() => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return url.href;
}

async function admin(sql: string): Promise<void> {
  const client = new Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
