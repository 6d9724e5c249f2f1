/** SQL expressions over a jsonb column. Each yields NULL, never an error, where another program wrote something else. */

/** Text of a key. `column` is quoted SQL; `key` is a constant of ours. */
export function jsonText(column: string, key: string): string {
  return `(${column}->>'${key}')`;
}

/** A whole number of a key as int8. */
export function jsonInt8(column: string, key: string): string {
  const text = jsonText(column, key);
  return `(CASE WHEN ${text} ~ '^[0-9]{1,18}$' THEN ${text}::int8 END)`;
}

/** A whole number of a key as int4. */
export function jsonInt4(column: string, key: string): string {
  const text = jsonText(column, key);
  return `(CASE WHEN ${text} ~ '^[0-9]{1,9}$' THEN ${text}::int4 END)`;
}

/** A list of a key as jsonb. */
export function jsonList(column: string, key: string): string {
  return `(CASE WHEN jsonb_typeof(${column}->'${key}') = 'array' THEN ${column}->'${key}' END)`;
}

/** A true or false of a key. */
export function jsonBoolean(column: string, key: string): string {
  return `(CASE WHEN jsonb_typeof(${column}->'${key}') = 'boolean' THEN (${column}->'${key}')::boolean END)`;
}
