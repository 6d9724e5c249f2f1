/** Checks of the names that reach PostgreSQL. */

import {
  identifierLimitBytes,
  isAttributeName,
  isTableBase,
  sizeInBytes,
  storeColumnLimitBytes,
} from "./naming.ts";
import type { Report } from "./problems.ts";

/** Whether a PostgreSQL schema may hold tables of the model; what is wrong goes to `report`. */
export function checkSchemaName(name: string, report: Report): boolean {
  const quoted = JSON.stringify(name);
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    report(
      `The schema name ${quoted} is not valid`,
      "Write lower-case letters, digits and _, beginning with a letter.",
    );
  } else if (sizeInBytes(name) > identifierLimitBytes) {
    report(`The schema name ${quoted} is longer than ${identifierLimitBytes} bytes`, "Shorten it.");
  } else if (name.startsWith("pg_") || name === "information_schema" || name === "holdfast") {
    const owner = name === "holdfast" ? "Holdfast itself" : "PostgreSQL";
    report(`The schema ${quoted} belongs to ${owner}`, "Choose another name.");
  } else return true;
  return false;
}

const systemColumns: ReadonlySet<string> = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

/** Whether a stored column name is one that both PostgreSQL and DataJoint take; `how` tells how to choose another. */
export function checkColumnName(
  name: string,
  { label, how }: { readonly label: string; readonly how: string },
  report: Report,
): boolean {
  if (!isAttributeName(name)) {
    report(
      `${label}: the column name ${JSON.stringify(name)} is not valid`,
      `Write ${how} with lower-case letters, digits and _, beginning with a letter.`,
    );
    return false;
  }
  if (systemColumns.has(name)) {
    report(`${label}: the column name ${name} belongs to PostgreSQL`, `Write ${how} with another name.`);
    return false;
  }
  if (sizeInBytes(name) <= identifierLimitBytes) return true;
  report(
    `${label}: the column name ${name} is longer than ${identifierLimitBytes} bytes`,
    `Shorten it with ${how}.`,
  );
  return false;
}

/** A codec field in a store has a hidden column beside it, with a longer name. */
export function checkStoreColumnName(name: string, label: string, report: Report): boolean {
  if (sizeInBytes(name) <= storeColumnLimitBytes) return true;
  report(
    `${label}: the column name ${name} is longer than ${storeColumnLimitBytes} bytes, the limit for a field in a store`,
    'Shorten it with @column(name: "…").',
  );
  return false;
}

/** Whether a table's base name (without prefix and master) is valid. */
export function checkTableBase(base: string, label: string, report: Report): boolean {
  if (isTableBase(base)) return true;
  report(
    `${label}: the table name ${JSON.stringify(base)} is not valid`,
    "Write lower-case words joined by single _, without the prefix of the tier or the master.",
  );
  return false;
}

/** Whether a whole stored table name fits. */
export function checkTableName(table: string, label: string, report: Report): boolean {
  if (sizeInBytes(table) <= identifierLimitBytes) return true;
  report(
    `${label}: the table name ${table} is longer than ${identifierLimitBytes} bytes`,
    'Shorten it with @table(name: "…").',
  );
  return false;
}

/** Comments go into the catalog: `:` begins a spec there, and PostgreSQL has no NUL. */
export function checkDescription(text: string, label: string, report: Report): void {
  if (text.startsWith(":")) {
    report(
      `${label}: the description begins with a colon, which the table comments keep for types`,
      "Begin it with another character.",
    );
  }
  if (text.includes("\u0000")) {
    report(`${label}: the description holds a NUL character`, "Remove it: PostgreSQL cannot store it.");
  }
}
