/** Backup files of the first version, as if they were of this one: the guards of hidden columns are told by the names of their rules. */

import { referenceColumn } from "../sql/hidden.ts";
import type { TableFacts } from "./facts.ts";
import type { BackupHeader } from "./format.ts";

/** The header with what it leaves unsaid. Of values that name no store it is taken that they are in the default one. */
export function fromFirstVersion(header: BackupHeader): BackupHeader {
  const store = header.stores.find(({ isDefault }) => isDefault)?.name ?? null;
  const tables = header.facts.tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) => ({
      ...column,
      guard: hasGuard(table, column.name) ? store : null,
    })),
  }));
  return { ...header, facts: { ...header.facts, tables } };
}

function hasGuard({ rules }: TableFacts, column: string): boolean {
  const rule = `${referenceColumn(column)}_ck`;
  return rules.some(({ name }) => name === rule);
}
