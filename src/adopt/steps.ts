/**
 * The steps of adopting one table. Each is one short transaction, or a statement that PostgreSQL itself does beside writers; each may be begun again,
 * and what is there is left as it is. From the first step on every new row is registered by a trigger, from the second on guarded by the foreign key;
 * the last one proves it of all rows.
 */

import { takeTurn, withPatience } from "../db/apply.ts";
import type { Database, Transaction } from "../db/contract.ts";
import { sqlstateOf } from "../db/sqlstate.ts";
import { ServiceError } from "../errors.ts";
import { addPathCheck, referenceColumn } from "../sql/hidden.ts";
import { identifier } from "../sql/quote.ts";
import type { ApplyOptions } from "./contract.ts";
import { type FoundColumn, type FoundTable, nameOf, sqlName } from "./found.ts";

/**
 * Locks are asked for more briefly than PostgreSQL waits before it looks for deadlocks (1 s): where we and a writer wait for each other, it is we who
 * give way.
 */
const lockTimeoutMs = 500;
/** Locators that are registered in one transaction. */
const batchSize = 1000;

/** What the steps stand on. */
export interface Steps {
  readonly db: Database;
  readonly options: ApplyOptions;
}

/** The columns of one table that are adopted together. */
export interface Work {
  readonly table: FoundTable;
  /** With the store of values that name none. */
  readonly columns: readonly { readonly column: FoundColumn; readonly store: string }[];
}

/** One step as a transaction, tried again while others have locks that it needs. */
export async function inStep<T>(
  { db, options }: Steps,
  work: (transaction: Transaction) => Promise<T>,
  statementTimeoutMs?: number,
): Promise<T> {
  options.signal.throwIfAborted();
  return withPatience(
    db,
    options.patienceMs,
    async (transaction) => {
      await takeTurn(transaction);
      const answer = await work(transaction);
      await options.faults("adopt.before-commit");
      return answer;
    },
    { lockTimeoutMs, ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }) },
  );
}

/** The table of holds. */
export async function addHolds(steps: Steps, schema: string): Promise<void> {
  await inStep(steps, (transaction) => transaction.query("SELECT holdfast.adopt_schema($1::name)", [schema]));
}

/** Hidden references, CHECKs and triggers: one rewrite of the table for all columns. What is left of columns that had another name goes. */
export async function addReferences(steps: Steps, { table, columns }: Work): Promise<void> {
  const { maxLockMs } = steps.options;
  const names = columns.map(({ column }) => column.name);
  const stores = columns.map(({ store }) => store);
  const name = sqlName(table);
  try {
    await inStep(
      steps,
      async (transaction) => {
        await transaction.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
        for (const ref of table.stale)
          await transaction.query(
            `DROP TRIGGER IF EXISTS ${identifier(`_obj${ref}`)} ON ${name}; ALTER TABLE ${name} DROP COLUMN IF EXISTS ${identifier(ref)}`,
          );
        const text = "SELECT holdfast.add_references($1::oid::regclass, $2::text[], $3::text[], true)";
        await transaction.query(text, [table.oid, names, stores]);
      },
      maxLockMs,
    );
  } catch (error) {
    throw sqlstateOf(error) === "57014" ? tooLong(table, maxLockMs, error) : error;
  }
}

function tooLong(table: FoundTable, maxLockMs: number, cause: unknown): ServiceError {
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `${nameOf(table)} would be locked for more than ${Math.round(maxLockMs / 1000)} s: it is left as it was.`,
    {
      details: { table: nameOf(table), remedy: "Allow it more, in a quiet hour: --max-lock 10m" },
      cause,
    },
  );
}

/** The foreign key, which guards every row that is written from now on. */
export async function addKey(steps: Steps, table: FoundTable, column: FoundColumn): Promise<void> {
  const ref = referenceColumn(column.name);
  const hold = `${identifier(table.schema)}."~object"`;
  await inStep(steps, (transaction) =>
    transaction.query(
      `ALTER TABLE ${sqlName(table)} ADD CONSTRAINT ${identifier(`${ref}_fk`)} FOREIGN KEY (${identifier(ref)}) REFERENCES ${hold} NOT VALID`,
    ),
  );
}

/** Built beside writers. One that was not finished is waited for, as its process may still be at work without us, and then made anew. */
export async function addIndex(steps: Steps, table: FoundTable, column: FoundColumn): Promise<void> {
  const { db, options } = steps;
  const { signal } = options;
  const { invalidIndex } = column.pieces;
  if (invalidIndex !== null) {
    const name = `${identifier(table.schema)}.${identifier(invalidIndex)}`;
    if (await isFinished(db, name, sqlName(table))) return;
    await db.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`, undefined, { signal });
  }
  const ref = identifier(referenceColumn(column.name));
  const text = `CREATE INDEX CONCURRENTLY ON ${sqlName(table)} (${ref}) WHERE ${ref} IS NOT NULL`;
  await db.query(text, undefined, { signal });
}

/** Whoever builds an index has the lock that is asked for here. */
function isFinished(db: Database, index: string, table: string): Promise<boolean> {
  return db.transaction(
    async (transaction) => {
      await transaction.query(`LOCK TABLE ${table} IN SHARE UPDATE EXCLUSIVE MODE`);
      const { rows } = await transaction.query<{ valid: boolean }>(
        "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)",
        [index],
      );
      return rows[0]?.valid === true;
    },
    { lockTimeoutMs: 0 },
  );
}

/** Objects and holds for all rows that were there before, in batches. */
export async function holdRows(steps: Steps, table: FoundTable, column: FoundColumn): Promise<number> {
  const { options } = steps;
  let after: string | null = "";
  let count = 0;
  while (after !== null) {
    const from: string = after;
    after = await inStep(steps, async (transaction) => {
      const { rows } = await transaction.query<{ last: string | null }>(
        "SELECT holdfast.hold_rows($1::oid::regclass, $2, $3, $4) AS last",
        [table.oid, column.name, from, batchSize],
      );
      return rows[0]?.last ?? null;
    });
    if (after !== null) count += 1;
    options.onStep(`registering the objects of ${nameOf(table)}.${column.name}: batch ${count}`);
  }
  return count;
}

/** Proves that every row is guarded; rows whose hold went meanwhile are registered once more. */
export async function validate(steps: Steps, table: FoundTable, column: FoundColumn): Promise<void> {
  const ref = referenceColumn(column.name);
  for (let attempt = 1; ; attempt++) {
    try {
      await inStep(steps, (transaction) =>
        transaction.query(`ALTER TABLE ${sqlName(table)} VALIDATE CONSTRAINT ${identifier(`${ref}_fk`)}`),
      );
      return;
    } catch (error) {
      if (sqlstateOf(error) !== "23503" || attempt === 5) throw error;
      await holdRows(steps, table, column);
    }
  }
}

/** The CHECK of references to users' own files. Rows of before are not looked at. */
export async function addPathChecks(
  steps: Steps,
  table: FoundTable,
  columns: readonly FoundColumn[],
): Promise<void> {
  const texts = columns.map(({ name }) =>
    addPathCheck({ schema: table.schema, table: table.name, column: name }, true),
  );
  await inStep(steps, (transaction) => transaction.query(texts.join(";\n")));
}
