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

/** Whether a key is true; false where it is missing, NULL where there is no JSON. */
export function jsonFlag(column: string, key: string): string {
  return `(CASE WHEN ${column} IS NOT NULL THEN ${column} @> '{"${key}": true}' END)`;
}

const instant =
  "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$";

/** An instant of a key as RFC 3339 text that PostgreSQL surely reads: days that no month has are NULL too. */
export function jsonInstant(column: string, key: string): string {
  const text = jsonText(column, key);
  const month = `make_date(greatest(left(${text}, 4)::int, 1), substr(${text}, 6, 2)::int, 1)`;
  const days = `extract(day FROM ${month} + interval '1 month' - interval '1 day')`;
  const isDay = `substr(${text}, 9, 2)::int <= ${days} AND left(${text}, 4) <> '0000'`;
  return `(CASE WHEN ${text} ~ '${instant}' THEN CASE WHEN ${isDay} THEN ${text} END END)`;
}
