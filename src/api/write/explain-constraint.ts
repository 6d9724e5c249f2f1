import { isServiceError, ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { columnOf, type RowDraft } from "./row-draft.ts";

/** A constraint's refusal in the words of the request: which field of which row. Anything else passes unchanged. */
export function explainConstraint(error: unknown, rows: readonly RowDraft[]): unknown {
  const [first] = rows;
  if (!isServiceError(error, "CONSTRAINT_VIOLATION") || first === undefined) return error;
  const { entity } = first;
  if (error.details["table"] !== `${entity.schema}.${entity.table}`) return error;
  const columns = (error.details.field ?? "").split(", ").map((name) => name.replaceAll('"', ""));
  if (!columns.every((name) => entity.columns.some((column) => column.name === name))) return error;
  const row = culprit(rows, columns, error.details.value);
  const fields = fieldNames(entity, columns);
  const field = fields.map((name) => (row === undefined ? name : `${row.place}.${name}`)).join(", ");
  const message = row === undefined ? error.message : `${row.place}: ${error.message}`;
  return new ServiceError("CONSTRAINT_VIOLATION", message, {
    details: { ...error.details, field, columns },
    cause: error.cause,
  });
}

function culprit(
  rows: readonly RowDraft[],
  columns: readonly string[],
  value: unknown,
): RowDraft | undefined {
  if (rows.length === 1) return rows[0];
  const said = rows.filter((row) => columns.map((name) => textOf(row, name)).join(", ") === value);
  // Of two rows with one key the later one is too many.
  return said.at(-1);
}

function textOf(row: RowDraft, column: string): string {
  const cell = row.cells.get(column);
  return cell?.kind === "text" ? cell.text : "null";
}

/** GraphQL names of stored columns; the columns of one reference are that reference. */
function fieldNames(entity: Entity, columns: readonly string[]): readonly string[] {
  const names = columns.map((name) => {
    const reference = entity.references.find((one) => one.columns.some((pair) => pair.column === name));
    return columnOf(entity, name).origin === "reference" && reference !== undefined
      ? reference.field
      : columnOf(entity, name).field;
  });
  return [...new Set(names)];
}
