/** One table through all of its steps. What fails for one column is told, and stops neither the others nor other tables. */

import { isServiceError } from "../errors.ts";
import type { ColumnReport, Obstacle, TableReport } from "./contract.ts";
import { type FoundColumn, type FoundTable, findTable, nameOf } from "./found.ts";
import * as make from "./steps.ts";

/** What was done in a table, and what could not be. */
export interface TableOutcome {
  readonly done: readonly string[];
  readonly failed: readonly Obstacle[];
}

type Target = make.Work["columns"][number];

/** Does what is missing of the columns that nothing is in the way of. */
export async function adoptTable(
  steps: make.Steps,
  table: FoundTable,
  { columns, obstacles }: TableReport,
): Promise<TableOutcome> {
  const run = new TableRun(steps, nameOf(table));
  const isFree = ({ column }: ColumnReport): boolean =>
    !obstacles.some(({ subject }) => subject === nameOf(table) || subject === `${nameOf(table)}.${column}`);
  const open = columns.filter((column) => column.state !== "adopted" && isFree(column));
  const files = table.columns.filter(({ name }) => isOf(open, name, "files"));
  const targets = table.columns.flatMap((column): Target[] => {
    const store = columns.find((one) => one.column === column.name)?.store;
    return isOf(open, column.name, "objects") && store !== undefined ? [{ column, store }] : [];
  });
  if (targets.length > 0) await adoptColumns(run, table, targets);
  if (files.length > 0)
    await run.step(`checks of new paths (${files.map(({ name }) => name).join(", ")})`, nameOf(table), () =>
      make.addPathChecks(steps, table, files),
    );
  return run;
}

function isOf(open: readonly ColumnReport[], name: string, kind: ColumnReport["kind"]): boolean {
  return open.some((one) => one.column === name && one.kind === kind);
}

async function adoptColumns(run: TableRun, table: FoundTable, targets: readonly Target[]): Promise<void> {
  const { steps } = run;
  const subject = nameOf(table);
  const lacking = targets.filter(
    ({ column: { pieces } }) => !(pieces.column === "ours" && pieces.check && pieces.trigger),
  );
  const names = lacking.map(({ column }) => column.name).join(", ");
  const isHeld = await run.step(undefined, subject, () => make.addHolds(steps, table.schema));
  const isBegun =
    isHeld &&
    ((lacking.length === 0 && table.stale.length === 0) ||
      (await run.step(`hidden references, checks and triggers (${names})`, subject, () =>
        make.addReferences(steps, { table, columns: lacking }),
      )));
  if (!isBegun) return;
  for (const { column } of targets) await finishColumn(run, table, column);
}

async function finishColumn(run: TableRun, table: FoundTable, { name }: FoundColumn): Promise<void> {
  const { steps } = run;
  const subject = `${nameOf(table)}.${name}`;
  // As it is now: the steps before may have changed it, or somebody else.
  const now = async () => (await findTable(steps.db, table))?.columns.find((column) => column.name === name);
  const column = await now();
  if (column === undefined) return;
  const { key, index } = column.pieces;
  if (
    key === "none" &&
    !(await run.step(`foreign key of ${name}`, subject, () => make.addKey(steps, table, column)))
  )
    return;
  if (
    index !== "valid" &&
    !(await run.step(`index of ${name}`, subject, () => make.addIndex(steps, table, column)))
  )
    return;
  if (key === "valid") return;
  const isHeld = await run.step(`objects of the rows of ${name}`, subject, () =>
    make.holdRows(steps, table, column),
  );
  if (isHeld) await run.step(`validation of ${name}`, subject, () => make.validate(steps, table, column));
}

/** The steps of one table, as they are done. */
class TableRun implements TableOutcome {
  readonly done: string[] = [];
  readonly failed: Obstacle[] = [];
  readonly steps: make.Steps;
  readonly #table: string;

  constructor(steps: make.Steps, table: string) {
    this.steps = steps;
    this.#table = table;
  }

  /** True when it was done. @throws what is no refusal of PostgreSQL's or ours. */
  async step(what: string | undefined, subject: string, work: () => Promise<unknown>): Promise<boolean> {
    const { options } = this.steps;
    await options.faults("adopt.before-step");
    options.onStep(`${this.#table}: ${what ?? "holds"}`);
    try {
      await work();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isServiceError(error) || error.code === "DATABASE_UNAVAILABLE") throw error;
      this.failed.push({
        subject,
        message: `${what ?? "the table of holds"}: ${error.message}`,
        remedy: error.details.remedy ?? "Run it again; what was done stays, and is gone on with.",
      });
      return false;
    }
    if (what !== undefined) this.done.push(what);
    return true;
  }
}
