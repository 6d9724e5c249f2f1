/** Times of the database as JavaScript has them. */

/** SQL of a `timestamptz` as RFC 3339 text; null where it is null or an infinity. */
export function instantSql(column: string): string {
  return `CASE WHEN isfinite(${column}) THEN to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END`;
}

/** What {@link instantSql} gave. */
export function instant(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
