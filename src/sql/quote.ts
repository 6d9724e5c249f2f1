/** SQL text from names and values. */

/** A quoted identifier: `"session"`. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A quoted, schema-qualified name: `"lab"."session"`. */
export function qualified(schema: string, name: string): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** A string literal. Needs `standard_conforming_strings`, which every PostgreSQL of today has on. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Identifiers, quoted and joined: `"subject", "session_idx"`. */
export function identifiers(names: readonly string[]): string {
  return names.map(identifier).join(", ");
}
