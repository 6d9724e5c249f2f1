/** Short texts by which indexes and foreign keys are told apart, whatever their names. */

/** `unique(a,b)` or `index(a,b)`. */
export function indexMark(index: { readonly columns: readonly string[]; readonly unique: boolean }): string {
  return `${index.unique ? "unique" : "index"}(${index.columns.join(",")})`;
}

/** `a,b->schema.table(c,d)`, the pairs sorted: the order of the columns says nothing. */
export function foreignKeyMark(key: {
  readonly columns: readonly string[];
  readonly schema: string;
  readonly table: string;
  readonly targetColumns: readonly string[];
}): string {
  const pairs = key.columns.map((column, at) => [column, key.targetColumns[at] ?? ""] as const);
  const sorted = pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${sorted.map(([a]) => a).join(",")}->${key.schema}.${key.table}(${sorted.map(([, b]) => b).join(",")})`;
}
