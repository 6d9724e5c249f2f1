/** Fields with `@codec` → drafts; codec, store and output type are checked against the running service. */

import { Kind } from "graphql";
import { columnNameOf, refuseNative, refuseReferenceDirectives, refuseType } from "./attribute.ts";
import { codecArguments } from "./codec-args.ts";
import { isUnloaded, opaque, opaqueFacts } from "./codec-opaque.ts";
import { defaultOf } from "./default.ts";
import type { DirectiveUse } from "./directive.ts";
import type { AttributeDraft, ListDraft, Scope } from "./draft.ts";
import type { FieldSource } from "./field.ts";
import { checkStoreColumnName } from "./identifier.ts";
import type { CodecFacts, ColumnType, ModelContext } from "./model.ts";
import { nativeType } from "./native.ts";

/** A field whose value one codec stores. */
export function codecDraft(field: FieldSource, scope: Scope): AttributeDraft | undefined {
  const { label, shape } = field;
  const type = codecType(field, scope);
  if (!checkCodecField(field, scope)) return undefined;
  const column = columnNameOf(field, scope);
  if (type === undefined || column === undefined) return undefined;
  const place = field.uses.one("column")?.place("name") ?? field.node;
  if (type.codec?.store !== undefined && !checkStoreColumnName(column, label, scope.problems.at(place))) {
    return undefined;
  }
  const value = refuseDefault(field, scope) ? defaultOf(field, { type }, scope) : "faulty";
  if (value === "faulty") return undefined;
  return {
    kind: "attribute",
    name: field.name,
    label,
    node: field.node,
    uses: field.uses,
    description: field.description,
    column,
    type,
    nullable: shape.nullable,
    inKey: false,
    ...value,
    ...(field.renamedFrom === undefined ? {} : { renamedFrom: field.renamedFrom }),
  };
}

/** A list of codec values: each element gets a row, and so a foreign key, of its own. */
export function codecListDraft(field: FieldSource, scope: Scope): ListDraft | undefined {
  const { label, shape } = field;
  const type = codecType(field, scope);
  if (!checkCodecField(field, scope)) return undefined;
  if (shape.nullable || shape.list?.elementNullable === true) {
    return scope.problems.at(field.node.type)(
      `${label}: a list of codec values, and its elements, cannot be null`,
      `Write [${shape.type}!]!; no values is the empty list.`,
    );
  }
  const column = field.uses.one("column");
  if (column !== undefined) {
    return scope.problems.at(column.node)(
      `${label}: @column does not go with a list of codec values`,
      "Remove it: the values lie in a table of their own.",
    );
  }
  if (type === undefined) return undefined;
  return {
    kind: "list",
    name: field.name,
    label,
    node: field.node,
    uses: field.uses,
    description: field.description,
    type,
    ...(field.renamedFrom === undefined ? {} : { renamedFrom: field.renamedFrom }),
  };
}

function checkCodecField(field: FieldSource, scope: Scope): boolean {
  const why = "a codec decides the type of its column";
  if (!refuseType(field, why, scope)) return false;
  if (field.shape.type !== opaque && !refuseNative(field, why, scope)) return false;
  if (!refuseReferenceDirectives(field, scope)) return false;
  if (!field.inKey) return true;
  scope.problems.at(field.node.type)(
    `${field.label}: a codec field cannot be part of the key`,
    "Remove @key.",
  );
  return false;
}

function refuseDefault(field: FieldSource, scope: Scope): boolean {
  const literal = field.uses.one("column")?.literal("default");
  if (literal === undefined || literal.kind === Kind.NULL) return true;
  scope.problems.at(literal)(`${field.label}: a codec field has no default`, "Remove it.");
  return false;
}

function codecType(field: FieldSource, scope: Scope): ColumnType | undefined {
  const use = field.uses.one("codec");
  const name = use?.text("name");
  if (use === undefined || name === undefined) return undefined;
  const { codecs } = scope.context;
  const isOpaque = field.shape.type === opaque;
  const facts = codecs.get(name) ?? (isOpaque ? opaqueFacts(name, nativeOf(field, scope)) : undefined);
  if (facts === undefined) {
    return scope.problems.at(use.place("name"))(
      `${field.label}: no codec ${JSON.stringify(name)} is loaded`,
      `Loaded are: ${[...codecs.keys()].sort().join(", ") || "none"}.${scope.context.codecHint?.(name) ?? ""}`,
    );
  }
  const output = isOpaque && isUnloaded(name, scope.context) ? opaque : facts.output;
  if (output !== field.shape.type) {
    return scope.problems.at(field.node.type)(
      `${field.label}: the codec ${name} gives ${output}, not ${field.shape.type}`,
      `Write ${output}, or another codec.`,
    );
  }
  const args = codecArguments(use, { facts, label: field.label, scope });
  const placed = placement(use, { facts, label: field.label, scope });
  if (args === undefined || placed === undefined) return undefined;
  const unloaded = output !== opaque && isUnloaded(name, scope.context) ? { unloaded: true } : {};
  const spec = specOf(facts, placed.store);
  return { spec, sql: placed.sql, graphql: output, codec: { name, ...placed.use, ...unloaded, args } };
}

/** PostgreSQL type of a value in the row of which nothing else is known. */
function nativeOf(field: FieldSource, scope: Scope): string | undefined {
  const column = field.uses.one("column");
  const text = column?.text("native");
  if (column === undefined || text === undefined) return undefined;
  const found = nativeType(text);
  if (found !== undefined) return found.sql;
  return scope.problems.at(column.place("native"))(
    `${field.label}: ${JSON.stringify(text)} is no PostgreSQL type that the schema language knows`,
    "Write bytea or jsonb, or as PostgreSQL names the column's type.",
  );
}

/** What the column's comment says: to DataJoint a value is of one of its own codecs, where it lacks this one. */
function specOf({ name, peer }: CodecFacts, store: string | undefined): string {
  return store === undefined ? (peer?.row ?? `<${name}>`) : `<${peer?.store ?? name}@${store}>`;
}

interface Placement {
  readonly sql: string;
  readonly store?: string;
  readonly use: { readonly store?: string; readonly isDefaultStore: boolean; readonly external?: boolean };
}

interface PlacementCheck {
  readonly facts: CodecFacts;
  readonly label: string;
  readonly scope: Scope;
}

function placement(use: DirectiveUse, { facts, label, scope }: PlacementCheck): Placement | undefined {
  const written = use.text("store");
  const report = scope.problems.at(use.place("store"));
  if (written === undefined) {
    if (facts.row !== undefined) return { sql: facts.row, use: { isDefaultStore: false } };
    return report(
      `${label}: the codec ${facts.name} needs a store`,
      facts.output === opaque
        ? `Write @codec(name: "${facts.name}", store: "default"), or for a value in the row also @column(native: "bytea").`
        : `Write @codec(name: "${facts.name}", store: "default").`,
    );
  }
  if (facts.store === undefined) {
    return report(
      `${label}: the codec ${facts.name} cannot use a store`,
      "Remove store: its values lie in the row.",
    );
  }
  const ofContext = defaultStoreFor(facts, scope.context);
  const store = written === "default" ? ofContext : written;
  if (store === undefined) {
    const key = facts.external ? "stores.filepath_default" : "stores.default";
    return report(`${label}: there is no default store for ${facts.name}`, `Set ${key}, or name a store.`);
  }
  if (!scope.context.stores.has(store)) {
    const known = [...scope.context.stores].sort().join(", ") || "none";
    return report(`${label}: no store ${JSON.stringify(store)} is configured`, `Configured are: ${known}.`);
  }
  const { external } = facts;
  return { sql: facts.store, store, use: { store, isDefaultStore: store === ofContext, external } };
}

function defaultStoreFor(facts: CodecFacts, context: ModelContext): string | undefined {
  return facts.external ? context.filepathDefaultStore : context.defaultStore;
}
