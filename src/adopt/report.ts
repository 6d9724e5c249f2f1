/** What is told of one table: its columns with what is missing of them, and what is in the way. */

import type { Queryable } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";
import { missingRows } from "./bytes.ts";
import type { AdoptOptions, ColumnReport, Findings, Obstacle, TableReport } from "./contract.ts";
import { type FoundColumn, type FoundTable, isRewritten, nameOf, stateOf } from "./found.ts";
import { expectedLockMs } from "./lock-time.ts";
import { type Configured, obstaclesOf, storeOf } from "./obstacles.ts";
import { readValues, type ValueColumn } from "./values.ts";

interface Telling {
  readonly options: AdoptOptions;
  readonly obstacles: Obstacle[];
  readonly notes: string[];
}

const none: Findings = { count: 0, rows: [] };

/** Which stores there are. */
function configuredOf({ stores }: AdoptOptions): Configured {
  return { stores: [...stores.all.keys()], defaultStore: stores.defaultName };
}

/** Looks at a table and, where nothing keeps us from it, at its values and their bytes. */
export async function reportTable(
  db: Queryable,
  table: FoundTable,
  { options, notes }: { readonly options: AdoptOptions; readonly notes: string[] },
): Promise<TableReport> {
  const obstacles = [...obstaclesOf(table, configuredOf(options))];
  const columns: ColumnReport[] = [];
  for (const column of table.columns)
    columns.push(await reportColumn(db, { table, column }, { options, obstacles, notes }));
  const { schema, name, estimatedRows, bytes } = table;
  const isNew = isRewritten(table) && table.kind === "r";
  return {
    ...{ schema, table: name, estimatedRows, bytes },
    isRewritten: isNew,
    expectedLockMs: isNew ? expectedLockMs(table) : 0,
    columns,
    obstacles,
    done: [],
  };
}

async function reportColumn(
  db: Queryable,
  { table, column }: { readonly table: FoundTable; readonly column: FoundColumn },
  { options, obstacles, notes }: Telling,
): Promise<ColumnReport> {
  const subject = `${nameOf(table)}.${column.name}`;
  const store = storeOf(column, configuredOf(options));
  const { state, steps } = stateOf(column);
  const told: ColumnReport = {
    column: column.name,
    spec: column.spec,
    ...(store === undefined ? {} : { store }),
    kind: column.isExternal ? "files" : "objects",
    state,
    steps,
    wrong: none,
  };
  const isClosed = obstacles.some((one) => one.subject === nameOf(table) || one.subject === subject);
  if (column.isExternal || state === "adopted" || isClosed || store === undefined) return told;
  options.onStep(`reading ${subject}`);
  const at = { table, column, store };
  const { count, wrong } = await readValues(db, at, configuredOf(options).stores);
  if (wrong.count > 0) obstacles.push(wrongValues(subject, wrong.count));
  const missing = options.looksAtBytes ? await lookAtBytes(db, at, { options, notes }) : undefined;
  return { ...told, values: count, wrong, ...(missing === undefined ? {} : { missing }) };
}

function wrongValues(subject: string, count: number): Obstacle {
  return {
    subject,
    message: `${count} ${count === 1 ? "value" : "values"} cannot be followed to the store`,
    remedy: "Mend or delete those rows; an empty value is NULL.",
  };
}

/** A store that does not answer says nothing about bytes, and keeps nobody from adopting. */
export async function lookAtBytes(
  db: Queryable,
  at: ValueColumn,
  { options, notes }: Omit<Telling, "obstacles">,
): Promise<Findings | undefined> {
  try {
    return await missingRows(db, at, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!isServiceError(error) || !error.code.startsWith("STORE_")) throw error;
    notes.push(
      `Whether the bytes of ${nameOf(at.table)}.${at.column.name} are there is not known: ${error.message}`,
    );
    return undefined;
  }
}
