/** The served schema with plain resolvers over whole tables. */

import {
  buildSchema,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isObjectType,
} from "graphql";
import type { Child, CodecList, CodecUse, Column, Entity, Model } from "../../../src/model/model.ts";
import { jsonFrom } from "../json.ts";
import { codecPart } from "./codecs.ts";
import { exposedColumn, fits, type Scope } from "./filter.ts";
import { columnMeasure, type Group, groupsOf, wantedGroups } from "./groups.ts";
import { show } from "./kinds.ts";
import { type Meanings, opaque } from "./meanings.ts";
import type { MeasureName } from "./measure.ts";
import { type ListArguments, listed, type Page, takePage, wantedPage } from "./page.ts";
import { implementScalars } from "./scalars.ts";
import { Row } from "./tables.ts";

/** What resolvers share in one execution. */
export interface Asked {
  readonly scope: Scope;
  readonly meanings: Meanings;
}

type Arguments = Readonly<Record<string, unknown>>;
/** What a field's arguments must be, whether or not there is anything to resolve. @throws Refused */
export type Check = (asked: Asked, args: Arguments) => void;

/** All rows of a connection, and the page that its arguments ask for. */
interface Connection {
  readonly entity: Entity;
  readonly rows: () => readonly Row[];
  readonly page: () => Page;
}

interface CodecValue {
  readonly use: CodecUse;
  readonly cell: string;
}

/** Builds the schema from the printed SDL. Fields that the oracle can answer have the extension `isKnown`. */
export function oracleSchema(sdl: string, model: Model): GraphQLSchema {
  const entities = model.entities.filter(({ listOf }) => listOf === undefined);
  const schema = buildSchema(sdl);
  implementScalars(schema);
  const query = schema.getQueryType();
  if (query !== null && query !== undefined) rootFields(query, entities);
  for (const entity of entities) {
    objectFields(schema, entity);
    connectionFields(schema, entity);
    aggregateFields(schema, entity);
  }
  codecTypes(schema, model.entities);
  const node = schema.getType("Node");
  if (isInterfaceType(node))
    node.resolveType = (row: unknown) => (row instanceof Row ? row.entity.name : undefined);
  return schema;
}

type Resolve = (source: unknown, args: Arguments, asked: Asked) => unknown;

function set(type: GraphQLObjectType | undefined, name: string, resolve: Resolve, check?: Check): void {
  const field = type?.getFields()[name];
  if (field === undefined) return;
  field.resolve = resolve as GraphQLFieldResolver<unknown, Asked>;
  field.extensions = { ...field.extensions, isKnown: true, ...(check === undefined ? {} : { check }) };
}

function objectType(schema: GraphQLSchema, name: string): GraphQLObjectType | undefined {
  const type = schema.getType(name);
  return isObjectType(type) ? type : undefined;
}

function rootFields(query: GraphQLObjectType, entities: readonly Entity[]): void {
  set(query, "changeCursor", (_, __, { scope }) => {
    scope.features.meet("position in the changes");
    return opaque("position", "");
  });
  set(query, "node", (_, { id }, asked) => byId(asked, String(id)));
  set(query, "nodes", (_, { ids }, asked) => (ids as readonly string[]).map((id) => byId(asked, id))); // a list
  for (const entity of entities) {
    for (const field of Object.values(query.getFields())) {
      if (field.type === query || getNamedType(field.type).name !== entity.name) continue;
      const columns = field.args.flatMap(({ name }) => entity.columns.filter((one) => one.field === name));
      set(query, field.name, (_, args, asked) => byColumns(asked, { entity, columns, args }));
    }
    const check: Check = (asked, args) => void wantedPage(asked.scope, entity, args, asked.meanings);
    const all: Resolve = (_, args, asked) =>
      connection(asked, { entity, rows: asked.scope.tables.of(entity.name), args });
    set(query, entity.plural, all, check);
  }
}

function byId({ scope, meanings }: Asked, id: string): Row | null {
  const meaning = meanings.row(id);
  const [type = "", ...rest] = (meaning ?? "").split(" ");
  const found = scope.tables.of(type).find((row) => row.identity === rest.join(" "));
  scope.features.meet(found === undefined ? "node that is not there" : "node by its id");
  return found ?? null;
}

function byColumns(
  { scope }: Asked,
  { entity, columns, args }: { entity: Entity; columns: readonly Column[]; args: Arguments },
): Row | null {
  const isKey = columns.every(({ name }) => entity.key.includes(name));
  const where = columns.map((column) => ({ column, filter: { eq: args[column.field] } }));
  const found = scope.tables.of(entity.name).filter((row) =>
    where.every(({ column, filter }) =>
      // Columns under a reference's own name have no filter of their own.
      fits(scope, new Row({ ...entity, columns: [{ ...column, exposed: true }] }, row.cells), {
        [column.field]: filter,
      }),
    ),
  );
  if (found.length > 0) scope.features.meet(isKey ? "row by its key" : "row by a unique");
  return found[0] ?? null;
}

function objectFields(schema: GraphQLSchema, entity: Entity): void {
  const type = objectType(schema, entity.name);
  const row = (resolve: (row: Row, args: Arguments, asked: Asked) => unknown): Resolve => {
    return (source, args, asked) => (source instanceof Row ? resolve(source, args, asked) : null);
  };
  set(
    type,
    "id",
    row((one) => opaque("id", `${entity.name} ${one.identity}`)),
  );
  set(
    type,
    "rowVersion",
    row(({ cells }) => cells["~version"]),
  );
  for (const column of entity.columns.filter(({ exposed }) => exposed))
    set(
      type,
      column.field,
      row((one, _, asked) => columnValue(asked, column, one)),
    );
  for (const reference of entity.references)
    set(
      type,
      reference.field,
      row((one, _, { scope }) => scope.tables.target(one, reference) ?? null),
    );
  for (const list of entity.lists)
    set(
      type,
      list.field,
      row((one, _, asked) => codecList(asked, list, one)),
    );
  for (const child of entity.children) {
    if (entity.lists.some(({ field }) => field === child.field)) continue;
    childField(type, child, row);
  }
}

function childField(
  type: GraphQLObjectType | undefined,
  child: Child,
  row: (resolve: (row: Row, args: Arguments, asked: Asked) => unknown) => Resolve,
): void {
  if (child.unique) {
    set(
      type,
      child.field,
      row((one, _, { scope }) => scope.tables.children(one, child)[0] ?? null),
    );
    return;
  }
  const resolve = row((one, args, asked) => {
    const { tables } = asked.scope;
    return connection(asked, {
      entity: tables.entity(child.entity),
      rows: tables.children(one, child),
      args,
    });
  });
  const check: Check = (asked, args) =>
    void wantedPage(asked.scope, asked.scope.tables.entity(child.entity), args, asked.meanings);
  set(type, child.field, resolve, check);
}

function columnValue({ scope }: Asked, column: Column, row: Row): unknown {
  const kind = scope.tables.kind(column);
  const cell = row.cells[column.name] ?? null;
  if (cell === null) return null;
  const { codec, list } = column.type;
  scope.features.meet(
    `value of ${list === undefined ? "" : "list of "}${kind?.names === undefined ? (list?.element ?? column.type.graphql) : "enum"}`,
  );
  if (codec !== undefined) return { use: codec, cell } satisfies CodecValue;
  // A JSON null is a value, which is answered as null.
  if (kind?.name === "json") return jsonFrom(cell);
  const value = kind === undefined ? null : row.value(column, kind);
  return kind === undefined || value === null ? null : show(kind, value);
}

/** The values of a codec list, in the order of their places. */
function codecList({ scope }: Asked, list: CodecList, row: Row): readonly CodecValue[] {
  const part = scope.tables.entity(list.entity);
  const reference = part.references.find(({ target }) => target === row.entity.name);
  const column = part.columns.find(({ type }) => type.codec !== undefined);
  const use = column?.type.codec;
  if (reference === undefined || column === undefined || use === undefined)
    throw new TypeError(`${part.name} is no list of codec values.`);
  const child: Child = { field: list.field, entity: part.name, reference: reference.field, unique: false };
  const linked = new Set(reference.columns.map((pair) => pair.column));
  const [place = ""] = part.key.filter((name) => !linked.has(name));
  const rows = [...scope.tables.children(row, child)].sort(
    (a, b) => Number(a.cells[place]) - Number(b.cells[place]),
  );
  if (rows.length > 0) scope.features.meet(`list of ${column.type.graphql}`);
  return rows.map(({ cells }) => ({ use, cell: cells[column.name] ?? "" }));
}

function connection(
  { scope, meanings }: Asked,
  { entity, rows, args }: { entity: Entity; rows: readonly Row[]; args: ListArguments },
): Connection {
  const wanted = wantedPage(scope, entity, args, meanings);
  let all: readonly Row[] | undefined;
  let page: Page | undefined;
  const left = (): readonly Row[] => {
    all ??= listed(scope, rows, args["where"]);
    return all;
  };
  return {
    entity,
    rows: left,
    page: () => {
      page ??= takePage(scope, left(), wanted, meanings);
      return page;
    },
  };
}

function connectionFields(schema: GraphQLSchema, entity: Entity): void {
  const type = objectType(schema, `${entity.name}Connection`);
  // Sources of a type's fields are what the fields of that type answered.
  const of = (resolve: (source: Connection, args: Arguments, asked: Asked) => unknown): Resolve => {
    return (source, args, asked) => resolve(source as Connection, args, asked);
  };
  set(
    type,
    "nodes",
    of(({ page }) => page().rows.map(({ row }) => row)),
  );
  set(
    type,
    "edges",
    of(({ page }) => page().rows),
  );
  const edge = objectType(schema, `${entity.name}Edge`);
  // As `edges` answers them.
  set(edge, "node", (source) => (source as Page["rows"][number]).row);
  set(edge, "cursor", (source) => (source as Page["rows"][number]).cursor());
  set(
    type,
    "pageInfo",
    of(({ page }, _, { scope }) => {
      const { rows, hasNextPage, hasPreviousPage } = page();
      scope.features.meet(`hasNextPage ${hasNextPage}`);
      scope.features.meet(`hasPreviousPage ${hasPreviousPage}`);
      const [startCursor, endCursor] = [rows[0]?.cursor() ?? null, rows.at(-1)?.cursor() ?? null];
      return { hasNextPage, hasPreviousPage, startCursor, endCursor };
    }),
  );
  set(
    type,
    "totalCount",
    of(({ rows }) => rows().length),
  );
  set(
    type,
    "aggregate",
    of((source) => new Gathered(source.rows)),
  );
  const groups = of(({ rows }, args, { scope }) =>
    groupsOf(scope, { entity, rows: rows() }, wantedGroups(scope, entity, args)),
  );
  set(type, "groupBy", groups, ({ scope }, args) => void wantedGroups(scope, entity, args));
  for (const name of ["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"])
    set(objectType(schema, "PageInfo"), name, (source) => (source as Arguments)[name]);
}

/** Rows that something is told of together; a filter is looked at only where anything is. */
class Gathered {
  readonly from: () => readonly Row[];
  readonly name: MeasureName;

  constructor(from: () => readonly Row[], name: MeasureName = "sum") {
    this.from = from;
    this.name = name;
  }
}

function aggregateFields(schema: GraphQLSchema, entity: Entity): void {
  const type = objectType(schema, `${entity.name}Aggregate`);
  // As the fields around them answered.
  set(type, "count", (source) => (source as Gathered).from().length);
  for (const name of ["sum", "avg", "min", "max"] as const)
    set(type, name, (source) => new Gathered((source as Gathered).from, name));
  for (const part of ["Sums", "Extremes"]) {
    const fields = objectType(schema, `${entity.name}${part}`);
    for (const column of entity.columns) {
      if (column.type.codec !== undefined) {
        if (exposedColumn(entity, column.field) === column) codecMeasures(fields, entity, column);
        continue;
      }
      const measured: Resolve = (source, _, { scope }) => {
        const { from, name } = source as Gathered;
        const { kind, value } = columnMeasure(scope, { entity, rows: from() }, { name, field: column.field });
        return value === null ? null : show(kind, value);
      };
      if (exposedColumn(entity, column.field) === column) set(fields, column.field, measured);
    }
  }
  const group = objectType(schema, `${entity.name}Group`);
  set(group, "key", (source) => source);
  set(group, "aggregate", (source) => new Gathered(() => (source as Group).rows));
  const key = objectType(schema, `${entity.name}GroupValues`);
  for (const field of Object.keys(key?.getFields() ?? {})) {
    set(key, field, (source) => {
      const told = (source as Group).key.get(field);
      return told === undefined || told.value === null ? null : show(told.kind, told.value);
    });
  }
}

/** What is told together of a column's codec values. */
interface CodecGathered {
  readonly gathered: Gathered;
  readonly entity: Entity;
  readonly column: Column;
}

function codecMeasures(type: GraphQLObjectType | undefined, entity: Entity, column: Column): void {
  const field = type?.getFields()[column.field];
  if (field === undefined) return;
  // As the field around it answered.
  set(type, column.field, (source): CodecGathered => ({ gathered: source as Gathered, entity, column }));
  field.extensions = { ...field.extensions, codec: column.type.codec };
}

function codecMeasureTypes(schema: GraphQLSchema, names: ReadonlySet<string>): void {
  for (const type of [...names].flatMap((name) => [`${name}Sums`, `${name}Extremes`])) {
    for (const part of Object.keys(objectType(schema, type)?.getFields() ?? {})) {
      set(objectType(schema, type), part, (source, _, { scope }) => {
        const { gathered, entity, column } = source as CodecGathered; // as the column's field answers
        const rows = gathered.from();
        const at = { name: gathered.name, field: column.field, part };
        const { kind, value } = columnMeasure(scope, { entity, rows }, at);
        return value === null ? null : show(kind, value);
      });
    }
  }
}

function codecTypes(schema: GraphQLSchema, entities: readonly Entity[]): void {
  const names = new Set(
    entities.flatMap(({ columns }) =>
      columns.flatMap(({ type }) => (type.codec === undefined ? [] : [type.graphql])),
    ),
  );
  codecMeasureTypes(schema, names);
  for (const name of names) {
    const type = objectType(schema, name);
    for (const field of Object.keys(type?.getFields() ?? {})) {
      set(type, field, (source, _, { scope }) => {
        if (field === "url") return opaque("url", "");
        const { use, cell } = source as CodecValue; // as columns and lists answer
        scope.features.meet(
          `${name}.${field} of <${use.name}> in ${use.store === undefined ? "row" : "store"}`,
        );
        const told = codecPart(use, field, { cell, contents: scope.contents });
        if (field !== "modifiedAt" || told !== null) return told;
        // The store says it now, and nobody here knows what it says.
        scope.features.meet("FileRef.modifiedAt of a folder: only that it is an instant");
        return opaque("instant", "");
      });
    }
  }
}
