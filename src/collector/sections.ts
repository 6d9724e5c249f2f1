/**
 * Which paths of a store hold objects of adopted schemas, and which object a path belongs to: the layout of `src/object/object-path.ts`,
 * read backwards. Everything else in a store is nobody's business here.
 */

import type { Queryable } from "../db/contract.ts";
import type { StoreConfig } from "../store/contract.ts";
import { compareBytes } from "../store/path.ts";

/** An object that a path belongs to. */
export interface Root {
  readonly path: string;
  /** True where the path of the object is a folder. */
  readonly isTree: boolean;
}

/** The sections of one store. */
export interface Sections {
  /** What the paths to be listed begin with, in byte order, none within another. */
  readonly prefixes: readonly string[];
  /** Whether a listing of the prefixes would have the path. */
  has(path: string): boolean;
  /** The object that a path belongs to by its form; `undefined` where it is of no adopted schema. */
  rootOf(path: string): Root | undefined;
}

/** Schemas that have holds, in byte order. */
export async function adoptedSchemas(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT n.nspname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = '~object' AND c.relkind IN ('r', 'p')`,
  );
  return rows.map(({ name }) => name).sort(compareBytes);
}

/**
 * The sections of a store. One whose prefix is empty is none: there an object cannot be told from a user's own file, so that nothing is
 * ever taken for ours.
 */
export function sectionsOf(config: StoreConfig, schemas: readonly string[]): Sections {
  const known = new Set(schemas);
  const hash = config.hashPrefix === "" ? [] : schemas.map((schema) => `${config.hashPrefix}/${schema}/`);
  const keyed = config.schemaPrefix === "" || schemas.length === 0 ? [] : [`${config.schemaPrefix}/`];
  const prefixes = [...hash, ...keyed].sort(compareBytes);
  const has = (path: string): boolean => prefixes.some((prefix) => path.startsWith(prefix));
  return {
    prefixes,
    has,
    rootOf: (path) => {
      if (hash.some((prefix) => path.startsWith(prefix))) return { path, isTree: false };
      return has(path) ? keyedRoot(path, config.schemaPrefix, known) : undefined;
    },
  };
}

/** How a schema-addressed object is called: a field, a token, an extension. */
const objectName = /_[A-Za-z0-9_-]{4,16}(\.[^/]*)?$/;

/** `{prefix}/[partition/]{schema}/{table}/{key parts/}{field}_{token}{ext}`, and what lies below that. */
function keyedRoot(path: string, prefix: string, schemas: ReadonlySet<string>): Root | undefined {
  const start = prefix.split("/").length;
  const segments = path.split("/");
  let at = start;
  while (isKeyPart(segments[at]) && !schemas.has(segments[at] ?? "")) at++;
  if (!schemas.has(segments[at] ?? "")) return undefined;
  // The schema and the table; what lies directly below the schema is no object's.
  at += 2;
  while (isKeyPart(segments[at])) at++;
  if (segments[at] === undefined) return undefined;
  const isTree = at < segments.length - 1 && objectName.test(segments[at] ?? "");
  return isTree ? { path: segments.slice(0, at + 1).join("/"), isTree } : { path, isTree: false };
}

function isKeyPart(segment: string | undefined): boolean {
  return segment !== undefined && /^[^=]+=/.test(segment);
}
