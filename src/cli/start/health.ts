/** What must work for a service to be ready: the database, every store, the tables. */

import type { Queryable } from "../../db/contract.ts";
import type { HealthCheck } from "../../http/health-route.ts";
import type { Stores } from "../../store/contract.ts";

/** What the checks look at. */
export interface HealthParts {
  readonly db: Queryable;
  readonly stores: Stores;
  /** Why the tables are not as the schema file says; undefined when they are. */
  schemaProblem(): string | undefined;
}

/** Runs all checks at once; none throws. */
export async function healthChecks({ db, stores, schemaProblem }: HealthParts): Promise<HealthCheck[]> {
  const problem = schemaProblem();
  return Promise.all([
    check("database", async () => {
      await db.query("SELECT 1");
      return "answers";
    }),
    ...[...stores.all.values()].map((store) =>
      check(`store ${store.config.name}`, async () => {
        await store.driver.probe();
        return "works";
      }),
    ),
    { name: "schema", ok: problem === undefined, message: problem ?? "applied" },
  ]);
}

async function check(name: string, run: () => Promise<string>): Promise<HealthCheck> {
  try {
    return { name, ok: true, message: await run() };
  } catch (error) {
    return { name, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
