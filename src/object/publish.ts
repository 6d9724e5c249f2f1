/** Publication, the protocol's step 5: in the transaction that writes the row, a new object becomes one that rows may name, or an existing one is held. */

import type { StoredObject } from "../codec/contract.ts";
import type { Transaction } from "../db/contract.ts";
import { sqlstateOf } from "../db/sqlstate.ts";
import { ServiceError } from "../errors.ts";
import type { StagedObject } from "./contract.ts";
import { expired } from "./lease.ts";
import { parseLocator } from "./locator.ts";

/** Publishes one object. See `ObjectWriter.publish`. */
export async function publish(transaction: Transaction, staged: StagedObject): Promise<StoredObject> {
  const locator =
    staged.uploadId === undefined ? await hold(transaction, staged) : await publishNew(transaction, staged);
  return at(staged, locator);
}

function at({ object }: StagedObject, locator: string): StoredObject {
  const path = parseLocator(locator)?.path ?? object.path;
  return path === object.path ? object : { ...object, path };
}

const togetherText = `SELECT n::int AS n, holdfast.publish(sch, up, dd, tree, size, sha, NULL) AS locator
  FROM unnest($1::name[], $2::uuid[], $3::text[], $4::boolean[], $5::bigint[], $6::bytea[]) WITH ORDINALITY AS asked(sch, up, dd, tree, size, sha, n)`;

/** Publishes new objects by one statement, in their order. See `ObjectWriter.publishNew`. */
export async function publishTogether(
  transaction: Transaction,
  staged: readonly StagedObject[],
): Promise<readonly StoredObject[] | undefined> {
  const each = staged.map(publication);
  const columns = [0, 1, 2, 3, 4, 5].map((column) => each.map((values) => values[column]));
  try {
    const { rows } = await transaction.savepoint(() =>
      transaction.query<{ n: number; locator: string }>(togetherText, columns, {
        name: "object-publish-many",
      }),
    );
    const locators = new Map(rows.map(({ n, locator }) => [n - 1, locator]));
    return staged.map((one, index) => at(one, locators.get(index) ?? one.locator));
  } catch (error) {
    // Somebody else's equal content, or an upload that has expired: which one, and what then, is found out one by one.
    if (["23505", "55006"].includes(sqlstateOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** The arguments of `holdfast.publish`, but for the version. */
function publication({ schema, uploadId, dedup, object }: StagedObject): readonly unknown[] {
  const sha256 = object.sha256 === undefined ? null : Buffer.from(object.sha256, "hex");
  return [schema, uploadId, dedup ?? null, object.isTree, object.sizeBytes, sha256];
}

async function hold(transaction: Transaction, staged: StagedObject): Promise<string> {
  const { rows } = await transaction.query<{ held: boolean }>(
    "SELECT holdfast.hold_existing($1, $2) AS held",
    [staged.schema, staged.locator],
    { name: "object-hold" },
  );
  if (rows[0]?.held === true) return staged.locator;
  throw new ServiceError(
    "REFERENCE_CHANGED",
    `The object ${staged.locator} went away while a row was to name it.`,
    {
      details: { remedy: "Try again: the bytes are written anew." },
    },
  );
}

/** How often equal content that commits at the same moment is looked for again. */
const publishAttempts = 5;

async function publishNew(transaction: Transaction, staged: StagedObject): Promise<string> {
  const values = publication(staged);
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction.savepoint(async () => {
        const { rows } = await transaction.query<{ locator: string }>(
          "SELECT holdfast.publish($1, $2, $3, $4, $5, $6, NULL) AS locator",
          values,
          { name: "object-publish" },
        );
        return rows[0]?.locator ?? staged.locator;
      });
    } catch (error) {
      const sqlstate = sqlstateOf(error);
      if (sqlstate === "23505" && attempt < publishAttempts) continue;
      if (sqlstate === "55006" && /has expired/.test(String(causeText(error)))) throw expired(error);
      throw error;
    }
  }
}

function causeText(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? cause.message : String(error);
}
