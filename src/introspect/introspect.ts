/** Catalog → the text of a schema file, proven: read back, it asks for no change of what it describes. The one entry into this folder. */

import { isServiceError } from "../errors.ts";
import type { Model, ModelContext } from "../model/model.ts";
import { parseModel } from "../model/parse.ts";
import type { Catalog } from "../sql/catalog.ts";
import { additions, type Change } from "../sql/change.ts";
import { codecOfSpec, parseComment } from "../sql/comment.ts";
import { planChanges } from "../sql/diff.ts";
import { describe } from "./describe.ts";
import type { Note } from "./description.ts";
import { printDescription } from "./print.ts";

/** A schema file made from a database. */
export interface Introspected {
  readonly text: string;
  readonly tables: number;
  /** What is not in the text, or otherwise than one would expect. */
  readonly notes: readonly Note[];
  /** Stores that the comments name, for the configuration. */
  readonly stores: readonly string[];
  /** Codecs that are not loaded: their fields are `Opaque`. */
  readonly unknownCodecs: readonly string[];
  /** What stands against the text: empty where it is a whole and right description. */
  readonly faults: readonly string[];
  /** What `apply` would add that is Holdfast's own: guards, watches, lineage. */
  readonly additions: readonly Change[];
}

/** Describes the schemas, the first of which becomes the file's own. */
export function introspect(
  catalog: Catalog,
  schemas: readonly string[],
  context: ModelContext,
): Introspected {
  const { stores, codecs } = namedIn(catalog, schemas);
  const whole = withStores(context, stores);
  const description = describe(catalog, schemas, whole);
  const text = printDescription(description);
  const proof = prove(text, catalog, whole);
  return {
    text,
    tables: description.tables.length,
    notes: description.notes,
    stores,
    unknownCodecs: codecs.filter((name) => !context.codecs.has(name)),
    ...proof,
  };
}

function prove(
  text: string,
  catalog: Catalog,
  context: ModelContext,
): Pick<Introspected, "faults" | "additions"> {
  let model: Model;
  try {
    model = parseModel([{ path: "schema.graphql", text }], context);
  } catch (error) {
    if (!isServiceError(error, "SCHEMA_INVALID")) throw error;
    return { faults: error.message.split("\n"), additions: [] };
  }
  const changes = planChanges(model, catalog);
  return {
    faults: changes.filter(({ kind }) => !additions.has(kind)).map(({ summary }) => summary),
    additions: changes.filter(({ kind }) => additions.has(kind)),
  };
}

/** Stores and codecs in the comments of visible columns. */
function namedIn(catalog: Catalog, schemas: readonly string[]) {
  const specs = [...catalog.tables.values()]
    .filter(({ schema }) => schemas.includes(schema))
    .flatMap(({ columns }) => columns.filter(({ name }) => !name.startsWith("_")))
    .flatMap(({ comment }) => codecOfSpec(parseComment(comment ?? "").spec) ?? []);
  const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
  return {
    stores: sorted(specs.flatMap(({ store }) => (store === undefined || store === "" ? [] : [store]))),
    codecs: sorted(specs.map(({ name }) => name)),
  };
}

/** What the tables name is taken to be configured: to describe them needs no store. */
function withStores(context: ModelContext, stores: readonly string[]): ModelContext {
  const first = context.defaultStore ?? "main";
  return {
    ...context,
    defaultStore: first,
    filepathDefaultStore: context.filepathDefaultStore ?? first,
    stores: new Set([...context.stores, ...stores, first]),
  };
}
