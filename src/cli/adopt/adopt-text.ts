/** What `adopt` has found and done, as text. */

import type { AdoptReport, ColumnReport, Findings, TableReport } from "../../adopt/contract.ts";
import type { UndoReport } from "../../adopt/undo.ts";
import { byteText } from "../byte-text.ts";

/** A block for each table. */
export function adoptText(report: AdoptReport): string {
  const { tables, schemas } = report;
  if (tables.length === 0)
    return `No table of ${schemas.join(", ")} refers to a store: there is nothing to adopt.`;
  return tables.map((table) => tableText(table, report.applied)).join("\n\n");
}

function tableText(table: TableReport, applied: boolean): string {
  const { schema, table: name, estimatedRows, bytes, isRewritten, expectedLockMs } = table;
  const rows = estimatedRows < 0 ? "rows not counted yet" : `about ${estimatedRows} rows`;
  const lock = isRewritten && !applied ? `; written anew once, locked for ${lockText(expectedLockMs)}` : "";
  // Where all went well the columns say it; what was done of the others is worth a line each.
  const done = table.columns.every(({ state }) => state === "adopted") ? [] : table.done;
  return [
    `${schema}.${name}: ${rows}, ${byteText(Number(bytes))}${lock}`,
    ...table.columns.map((column) => columnText(column, table.done.length > 0)),
    ...table.columns.flatMap((column) => [
      ...findingsText(column, column.wrong, "cannot be followed"),
      ...findingsText(column, column.missing, "without their bytes"),
    ]),
    ...done.map((step) => `  done: ${step}`),
    ...table.obstacles.flatMap(({ subject, message, remedy }) => [
      `  IN THE WAY: ${subject}: ${message}`,
      `    ${remedy}`,
    ]),
  ].join("\n");
}

function lockText(ms: number): string {
  return ms < 1000 ? "less than a second" : `about ${Math.ceil(ms / 1000)} s`;
}

function columnText({ column, spec, state, steps, values }: ColumnReport, isNew: boolean): string {
  const counted = values === undefined ? "" : `, ${values} ${values === "1" ? "value" : "values"}`;
  const missing = steps.length === 0 ? "" : `; to do: ${steps.join(", ")}`;
  return `  ${column} ${spec}${counted}: ${state}${isNew && state === "adopted" ? " now" : ""}${missing}`;
}

function findingsText({ column }: ColumnReport, found: Findings | undefined, what: string): string[] {
  if (found === undefined || found.count === 0) return [];
  const rows = found.rows.map(({ key, value, message }) => {
    const text = Object.entries(key).map(([name, part]) => `${name}=${part}`);
    return `    ${text.join(" ") || "(no key)"}: ${message}: ${value}`;
  });
  const more = found.count - found.rows.length;
  return [
    `  ${column}: ${found.count} ${found.count === 1 ? "row" : "rows"} ${what}`,
    ...rows,
    ...(more > 0 ? [`    and ${more} more`] : []),
  ];
}

/** How much is left to be done, is in the way, or is not there. */
export function countsOf({ tables }: AdoptReport): {
  readonly open: number;
  readonly obstacles: number;
  readonly missing: number;
} {
  const columns = tables.flatMap((table) => table.columns);
  return {
    open: columns.filter(({ state }) => state !== "adopted").length,
    obstacles: tables.flatMap((table) => table.obstacles).length,
    missing: columns.reduce((sum, { missing }) => sum + (missing?.count ?? 0), 0),
  };
}

/** Columns none of whose values have their bytes: the store may be another one. */
export function emptyStores({
  tables,
}: AdoptReport): readonly { readonly place: string; readonly store: string }[] {
  return tables.flatMap(({ schema, table, columns }) =>
    columns
      .filter(
        ({ missing, values }) =>
          missing !== undefined && missing.count > 1 && String(missing.count) === values,
      )
      .map(({ column, store = "" }) => ({ place: `${schema}.${table}.${column}`, store })),
  );
}

/** What goes, or went, line by line. */
export function undoText({ tables, holds, obstacles, failed, applied, schemas }: UndoReport): string {
  const verb = applied ? "dropped" : "to drop";
  const lines = [
    ...tables.flatMap(({ schema, table, triggers, columns, checks }) => [
      `${schema}.${table}`,
      ...columns.map((name) => `  ${verb}: hidden column ${name}, with its index, check and foreign key`),
      ...checks.map((name) => `  ${verb}: check ${name}`),
      ...(triggers.length === 0 ? [] : [`  ${verb}: triggers ${triggers.join(", ")}`]),
    ]),
    ...holds.map(({ schema, count }) => `${verb}: table ${schema}.~object (${count} holds)`),
    ...[...obstacles, ...failed].flatMap(({ subject, message, remedy }) => [
      `IN THE WAY: ${subject}: ${message}`,
      `  ${remedy}`,
    ]),
  ];
  return lines.length === 0 ? `Nothing was added to ${schemas.join(", ")}.` : lines.join("\n");
}
