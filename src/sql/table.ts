/** Model → the tables that it wants. */

import type { Column, Entity, Model, Reference } from "../model/model.ts";
import { comparableType } from "./column-type.ts";
import { columnComment, nativeComment, tableComment } from "./comment.ts";
import { wantedIndexes } from "./indexes.ts";
import { lineageOf } from "./lineage.ts";
import { originOf } from "./origin.ts";
import { qualified } from "./quote.ts";
import type { WantedCodec, WantedColumn, WantedForeignKey, WantedTable } from "./wanted.ts";

/** Every table of the model, in the model's order. */
export function wantedTables(model: Model): readonly WantedTable[] {
  return model.entities.map((entity) => wantedTable(model, entity));
}

function wantedTable(model: Model, entity: Entity): WantedTable {
  const master = entity.partOf === undefined ? undefined : model.entity.get(entity.partOf);
  return {
    entity: entity.name,
    schema: entity.schema,
    name: entity.table,
    comment: tableComment(entity.description),
    columns: entity.columns.map((column) => wantedColumn(model, entity, column)),
    key: entity.key,
    indexes: wantedIndexes(entity),
    foreignKeys: entity.references.flatMap((reference) => foreignKey(model, reference)),
    lineage: lineageOf(model, entity),
    renamedFrom: entity.renamedFromTable,
    renamedFromEntity: entity.renamedFrom,
    master: master?.table,
  };
}

function foreignKey(model: Model, reference: Reference): WantedForeignKey[] {
  const target = model.entity.get(reference.target);
  if (target === undefined) return [];
  return [
    {
      columns: reference.columns.map((pair) => pair.column),
      schema: target.schema,
      table: target.table,
      targetColumns: reference.columns.map((pair) => pair.target),
    },
  ];
}

function wantedColumn(model: Model, entity: Entity, column: Column): WantedColumn {
  const origin = originOf(model, entity, column);
  const isReference = column.origin === "reference";
  const type = origin.column.type;
  const labels = type.enum === undefined ? undefined : model.enum.get(type.enum);
  const wanted =
    labels === undefined
      ? undefined
      : {
          schema: type.enumSchema ?? origin.entity.schema,
          name: type.sql,
          labels: labels.values.map((value) => value.stored),
        };
  // The peer gives a foreign key column its parent's introspected type, which for timestamps has lost the precision.
  const text = isReference ? type.sql.replace(/^timestamp\(\d\)$/, "timestamp") : type.sql;
  const sql = wanted === undefined ? text : qualified(wanted.schema, wanted.name);
  return {
    name: column.name,
    type: sql,
    comparable: wanted === undefined ? comparableType(text) : sql,
    enum: wanted,
    nullable: column.nullable,
    default: column.default,
    comment: isReference ? null : commentOf(column),
    isReference,
    codec: codecOf(column),
    renamedFrom: column.renamedFrom,
  };
}

function commentOf({ type, description }: Column): string | null {
  return type.native === true && type.codec === undefined
    ? nativeComment(description)
    : columnComment(type.spec, description);
}

function codecOf(column: Column): WantedCodec | undefined {
  const use = column.type.codec;
  if (use === undefined) return undefined;
  return {
    name: use.name,
    store: use.store,
    isDefaultStore: use.isDefaultStore,
    external: use.external ?? use.name === "filepath",
  };
}
