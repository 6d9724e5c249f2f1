/** Adopting and undoing never run side by side on one database. */

import { alone } from "../db/alone.ts";
import type { Database } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";

/** @throws {CONFLICT} while another process is at work. */
export async function oneAtATime<T>(db: Database, work: () => Promise<T>): Promise<T> {
  let answer: { readonly value: T } | undefined;
  await alone(db, "adopt", async () => {
    answer = { value: await work() };
  });
  if (answer !== undefined) return answer.value;
  throw new ServiceError("CONFLICT", "Another run is adopting or undoing in this database.", {
    details: { remedy: "Wait for its end, then run it again." },
  });
}
