/** A small pool for a library that brings its own SQL: values as node-postgres gives them, no settings of ours. */

import { Pool } from "pg";
import type { PostgresDatabase } from "./database.ts";

/** Opens nothing yet; ends on `end()`. A connection that the server drops is replaced at the next query. */
export function plainPool(
  { config }: Pick<PostgresDatabase, "config">,
  { connections, name }: { readonly connections: number; readonly name: string },
): Pool {
  const { types: _, onConnect: __, ...server } = config;
  const pool = new Pool({ ...server, max: connections, application_name: name, idleTimeoutMillis: 10_000 });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}
