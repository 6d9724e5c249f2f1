/** Rows and pages of rows as JSON. */

import type { Entity } from "../model/model.ts";
import type {
  ConnectionField,
  EdgeField,
  Links,
  ListPlan,
  PageInfoField,
  RowField,
  RowSelection,
} from "../plan/plan.ts";
import type { Gathered } from "./gathering.ts";
import { identifier, literal } from "./quote.ts";
import { aggregateJson, groupsJson } from "./select-aggregate.ts";
import {
  all,
  argumentOf,
  type Builder,
  columnOf,
  entityOf,
  freshTable,
  type JsonEntries,
  jsonListFrom,
  jsonObject,
  jsonObjectFrom,
  linked,
  modelColumn,
  parameter,
  tableOf,
} from "./select-builder.ts";
import { codecJson } from "./select-codec.ts";
import { filterSql } from "./select-filter.ts";
import {
  alternativeTerms,
  firstRows,
  fixedColumns,
  indexedColumn,
  type Order,
  sideSql,
} from "./select-keyset.ts";
import { orderSql, termSql } from "./select-order.ts";
import type { Page } from "./select-page.ts";
import { asJson, base64 } from "./select-type.ts";

/** A row: its entity and its table's name in the statement. */
interface Row {
  readonly entity: Entity;
  readonly table: string;
}

/** Name under which pages carry `xmin`, which `SELECT *` leaves out. */
const versionColumn = "~version";

/** One row's fields by their keys. */
export function rowEntries(
  builder: Builder,
  row: Row,
  selection: RowSelection,
  version = "xmin",
): JsonEntries {
  return selection.map((field) => [field.key, fieldJson(builder, { ...row, version }, field)]);
}

function fieldJson(builder: Builder, row: Row & { readonly version: string }, field: RowField): string {
  const { entity, table } = row;
  switch (field.kind) {
    case "typename":
      return `${literal(field.type)}::text`;
    case "id":
      return idSql(entity, table);
    case "rowVersion":
      return `${columnOf(table, row.version)}::text`;
    case "column":
      return asJson(builder, modelColumn(entity, field.column), columnOf(table, field.column));
    case "codec":
      return codecJson(builder, field, row);
    case "codecList":
      return codecListJson(builder, table, field);
    case "one": {
      const target = { entity: entityOf(builder.model, field.entity), table: freshTable(builder) };
      const from = ` FROM ${tableOf(builder, target.entity)} ${identifier(target.table)} WHERE ${linked(field.links, table, target.table)}`;
      return jsonObjectFrom(rowEntries(builder, target, field.selection), from);
    }
    case "many":
      return listJson(builder, field, { table, links: field.links });
    case "user":
      builder.completes = true;
      return field.needs.length === 0
        ? "'{}'::json"
        : jsonObject(rowEntries(builder, row, field.needs, row.version));
  }
}

/** The row's global id: its type and key, in base64. */
export function idSql(entity: Entity, table: string): string {
  const key = entity.key.map((name) => `${columnOf(table, name)}::text`);
  const text = `json_build_array(${[`${literal(entity.name)}::text`, ...key].join(", ")})::text`;
  return base64(`convert_to(${text}, 'UTF8')`);
}

function codecListJson(
  builder: Builder,
  own: string,
  field: RowField & { readonly kind: "codecList" },
): string {
  const part = entityOf(builder.model, field.part);
  const table = freshTable(builder);
  const linkedColumns = new Set(field.links.map(({ other }) => other));
  const order = part.key.filter((name) => !linkedColumns.has(name)).map((name) => columnOf(table, name));
  const value = codecJson(builder, field, { entity: part, table });
  const from = `${tableOf(builder, part)} ${identifier(table)} WHERE ${linked(field.links, own, table)}`;
  return `(SELECT coalesce(json_agg(${value} ORDER BY ${order.join(", ") || "1"}), '[]'::json) FROM ${from})`;
}

/** Where a list's rows must belong to one row. */
interface Parent {
  readonly table: string;
  readonly links: Links;
}

interface List {
  readonly builder: Builder;
  readonly entity: Entity;
  readonly at: number;
  readonly page: Page;
  readonly parent: Parent | undefined;
}

/** A connection as JSON. */
export function listJson(builder: Builder, plan: ListPlan, parent?: Parent): string {
  const entity = entityOf(builder.model, plan.entity);
  // The API resolved this place's arguments by resolvePage.
  const page = builder.resolved[plan.at] as Page;
  const list: List = { builder, entity, at: plan.at, page, parent };
  const [first, ...others] = plan.selection.filter(({ kind }) => readsPage.has(kind));
  if (first === undefined) checkOrder(list);
  const isOnce = first !== undefined && others.length === 0 && first.kind !== "pageInfo" && !page.backward;
  const source: PageSource = isOnce
    ? { kind: "rows" }
    : { kind: "name", name: identifier(`~${freshTable(builder)}`) };
  const object = jsonObject(plan.selection.map((field) => [field.key, connectionJson(list, source, field)]));
  if (first === undefined || source.kind === "rows") return object;
  return `(WITH ${source.name} AS MATERIALIZED (${numberedRows(list, object)}) SELECT ${object})`;
}

/** An order that nothing is read by is refused like any other. @throws {BAD_USER_INPUT} for what only the bytes of codec values tell. */
function checkOrder({ builder, page }: List): void {
  for (const term of page.terms) if (term.of.kind !== "column") termSql(builder, freshTable(builder), term);
}

const readsPage: ReadonlySet<ConnectionField["kind"]> = new Set(["nodes", "edges", "pageInfo"]);

/** Where the rows of the page stand: under a name, numbered, with one more; or, where only one field reads them, in the place itself. */
type PageSource = { readonly kind: "rows" } | { readonly kind: "name"; readonly name: string };

/** Condition of the whole list: its parent and its filter. */
function membership({ builder, entity, at, parent }: List, table: string): string {
  const where = filterSql(builder, { entity, table }, argumentOf(builder, at, "where"));
  return all([parent && linked(parent.links, parent.table, table), where && `(${where})`]);
}

type Bound = "after" | "before";

/** What lies on the page's side of a cursor, or `outside` of it; the cursor's row is outside. */
function sides(list: List, table: string, { bound, outside }: { bound: Bound; outside: boolean }) {
  const { builder, at, page } = list;
  const cursor = page[bound] === undefined ? undefined : argumentOf(builder, at, bound);
  const reversed = (bound === "before") !== outside;
  return sideSql(builder, { ...orderOf(list, table), reversed, inclusive: outside, cursor });
}

function orderOf({ entity, page, parent }: List, table: string): Order {
  const fixed = parent === undefined ? new Map() : fixedColumns(parent.links, parent.table);
  return { entity, terms: page.terms, table, fixed };
}

function beyond(list: List, table: string, bound: Bound): string | undefined {
  if (list.page[bound] === undefined) return undefined;
  const found = sides(list, table, { bound, outside: false });
  return `(${found.map((one) => `(${one})`).join(" OR ") || "false"})`;
}

/** The rows of the page and one more, numbered from the end that is read first; of their columns those that `readers` mention. */
function numberedRows(list: List, readers: string): string {
  const names = list.page.terms.map((_, index) => identifier(`~${index}`));
  const order = orderSql(list.page.terms, names, list.page.backward);
  return `SELECT p.*, row_number() OVER (ORDER BY ${order}) AS "~n" FROM (${pageRows(list, "fetch", readers)}) p`;
}

/** At most `limit` rows in the order of the list. */
function pageRows(list: List, limit: "size" | "fetch", readers: string): string {
  const { builder, entity, at, page } = list;
  const table = freshTable(builder);
  const values = page.terms.map((term) => termSql(builder, table, term).sql);
  const named = values.map((sql, index) => `${sql} AS ${identifier(`~${index}`)}`);
  const names = values.map((_, index) => identifier(`~${index}`));
  const [near, far]: readonly [Bound, Bound] = page.backward ? ["before", "after"] : ["after", "before"];
  const where = all([membership(list, table), beyond(list, table, far)]);
  const ranges = sides(list, table, { bound: near, outside: false });
  const most = parameter(builder, argumentOf(builder, at, limit), "bigint");
  const offset = page.offset > 0 ? parameter(builder, argumentOf(builder, at, "offset"), "bigint") : "";
  const order = orderSql(page.terms, names, page.backward);
  const read = entity.columns
    .filter(({ name }) => readers.includes(identifier(name)))
    .map(({ name }) => columnOf(table, name));
  const version = readers.includes(versionColumn)
    ? [`${columnOf(table, "xmin")} AS ${identifier(versionColumn)}`]
    : [];
  const columns = [...read, ...version, ...named].join(", ");
  const inOrder = orderSql(alternativeTerms(orderOf(list, table)), names, page.backward);
  const select = (range: string): string =>
    `SELECT ${columns} FROM ${tableOf(builder, entity)} ${identifier(table)} WHERE ${all([where, range])} ORDER BY ${inOrder}`;
  return firstRows(builder, ranges, { select, limit: most, offset, order });
}

function connectionJson(list: List, page: PageSource, field: ConnectionField): string {
  switch (field.kind) {
    case "typename":
      return `${literal(field.type)}::text`;
    case "totalCount": {
      const table = freshTable(list.builder);
      return `(SELECT count(*) FROM ${tableOf(list.builder, list.entity)} ${identifier(table)} WHERE ${membership(list, table)})`;
    }
    case "aggregate":
      return aggregateJson(gatheredOf(list), field.selection);
    case "groupBy":
      return groupsJson(gatheredOf(list), field);
    case "nodes":
      return rowsJson(list, page, (row) => rowEntries(list.builder, row, field.selection, versionColumn));
    case "edges":
      return rowsJson(list, page, (row) =>
        field.selection.map((part) => [part.key, edgeJson(list, row, part)]),
      );
    case "pageInfo":
      return jsonObject(field.selection.map((part) => [part.key, pageInfoJson(list, nameOf(page), part)]));
  }
}

/** The whole list's rows, whatever the page. */
function gatheredOf(list: List): Gathered {
  const { builder, entity } = list;
  return { builder, entity, membership: (table) => membership(list, table) };
}

/** A JSON list of the page's rows, in the list's order whichever end was read. */
function rowsJson(list: List, page: PageSource, element: (row: Row) => JsonEntries): string {
  const table = freshTable(list.builder);
  const entries = element({ entity: list.entity, table });
  if (page.kind === "rows") {
    const readers = entries.map(([, sql]) => sql).join(" ");
    return jsonListFrom(entries, ` FROM (${pageRows(list, "size", readers)}) ${identifier(table)}`);
  }
  const order = `${table}."~n"${list.page.backward ? " DESC" : ""}`;
  return jsonListFrom(
    entries,
    ` FROM ${page.name} ${identifier(table)} WHERE ${inPage(list, table)} ORDER BY ${order}`,
  );
}

/** Only rows alone are read without a name. */
function nameOf(page: PageSource): string {
  return page.kind === "name" ? page.name : "";
}

function inPage({ builder, at }: List, table: string): string {
  return `${table}."~n" <= ${parameter(builder, argumentOf(builder, at, "size"), "bigint")}`;
}

function edgeJson(list: List, row: Row, part: EdgeField): string {
  if (part.kind === "typename") return `${literal(part.type)}::text`;
  if (part.kind === "node") return jsonObject(rowEntries(list.builder, row, part.selection, versionColumn));
  return cursorSql(list, row.table);
}

function cursorSql({ page }: List, table: string): string {
  const values = page.terms.map((_, index) => `${columnOf(table, `~${index}`)}::text`);
  const text = `json_build_array(${[`${literal(page.signature)}::text`, ...values].join(", ")})::text`;
  return base64(`convert_to(${text}, 'UTF8')`);
}

function pageInfoJson(list: List, page: string, part: PageInfoField): string {
  switch (part.kind) {
    case "typename":
      return `${literal(part.type)}::text`;
    case "hasNextPage":
      return list.page.backward ? outside(list, "before") : anyOf(more(list, page), outside(list, "before"));
    case "hasPreviousPage":
      return list.page.backward
        ? anyOf(more(list, page), outside(list, "after"))
        : anyOf(skipped(list), outside(list, "after"));
    case "startCursor":
    case "endCursor": {
      const table = freshTable(list.builder);
      const first = (part.kind === "startCursor") !== list.page.backward;
      return `(SELECT ${cursorSql(list, table)} FROM ${page} ${identifier(table)} WHERE ${inPage(list, table)} ORDER BY ${table}."~n"${first ? "" : " DESC"} LIMIT 1)`;
    }
  }
}

function anyOf(...conditions: readonly string[]): string {
  const possible = conditions.filter((condition) => condition !== "false");
  return possible.length === 0 ? "false" : `(${possible.join(" OR ")})`;
}

/** Whether the row behind the page was there. */
function more({ builder, at }: List, page: string): string {
  return `((SELECT count(*) FROM ${page}) > ${parameter(builder, argumentOf(builder, at, "size"), "bigint")})`;
}

/** Whether rows of the list lie on the other side of a cursor (the row of the cursor itself counts). */
function outside(list: List, bound: Bound): string {
  if (list.page[bound] === undefined) return "false";
  const table = freshTable(list.builder);
  const ranges = sides(list, table, { bound, outside: true });
  const found = indexedColumn(orderOf(list, table));
  const where = membership(list, table);
  const looks = ranges.map((range) => {
    const from = `FROM ${tableOf(list.builder, list.entity)} ${identifier(table)} WHERE ${all([where, range])}`;
    return found === undefined
      ? `EXISTS (SELECT 1 ${from})`
      : `(SELECT true ${from} ORDER BY ${columnOf(table, found)} LIMIT 1) IS NOT NULL`;
  });
  return anyOf(...looks);
}

/** Whether an offset stepped over rows. */
function skipped(list: List): string {
  if (list.page.offset === 0) return "false";
  const table = freshTable(list.builder);
  const where = all([membership(list, table), beyond(list, table, "after"), beyond(list, table, "before")]);
  return `EXISTS (SELECT 1 FROM ${tableOf(list.builder, list.entity)} ${identifier(table)} WHERE ${where})`;
}
