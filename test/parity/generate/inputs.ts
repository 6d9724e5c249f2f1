/** Filters and orders, made from the input types of the served schema. */

import {
  type GraphQLInputObjectType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
} from "graphql";
import type { Column, Entity, Model } from "../../../src/model/model.ts";
import type { Random } from "../../property/random.ts";
import { isTold } from "../oracle/codecs.ts";
import { exposedColumn } from "../oracle/filter.ts";
import { jsonFilter } from "./json-filter.ts";
import { listFilter } from "./list-filter.ts";
import { operand, type Pools, searched } from "./values.ts";

type Input = Readonly<Record<string, unknown>>;

const compared = ["eq", "neq", "in", "notIn", "lt", "lte", "gt", "gte"];
const looked = ["like", "ilike", "startsWith", "endsWith", "contains"];
const operators = new Set([...compared, ...looked, "isNull"]);
const directions = [
  "ASC",
  "DESC",
  "ASC_NULLS_FIRST",
  "ASC_NULLS_LAST",
  "DESC_NULLS_FIRST",
  "DESC_NULLS_LAST",
];

/** Makes inputs for one served model. */
export class Inputs {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  /** Values of the tables as they are now. */
  pools: Pools;
  readonly random: Random;
  /** What the schema has and the oracle does not know. */
  readonly skipped: Set<string>;

  constructor(schema: GraphQLSchema, at: { pools: Pools; random: Random; skipped: Set<string> }) {
    this.schema = schema;
    this.pools = at.pools;
    this.model = at.pools.tables.model;
    this.random = at.random;
    this.skipped = at.skipped;
  }

  /** A filter of an entity's rows. */
  filter(entity: Entity, depth: number): Input {
    const { random } = this;
    if (random.chance(0.04)) return {};
    const type = this.#input(`${entity.name}Filter`);
    const names = Object.keys(type.getFields());
    const filter: Record<string, unknown> = {};
    for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--) {
      const documents = entity.columns.filter(
        ({ type: { graphql, list } }) => graphql === "JSON" && list === undefined,
      );
      const isDocument = documents.length > 0 && random.chance(0.15);
      const name = isDocument ? random.pick(documents).field : random.pick(names);
      const part = this.#part(entity, { name, depth });
      if (part !== undefined) filter[name] = part;
    }
    return filter;
  }

  #input(name: string): GraphQLInputObjectType {
    const type = this.schema.getType(name);
    if (!isInputObjectType(type)) throw new TypeError(`The schema has no input ${name}.`);
    return type;
  }

  #part(entity: Entity, { name, depth }: { name: string; depth: number }): unknown {
    const { random, model } = this;
    if (name === "and" || name === "or")
      return depth === 0 ? undefined : random.list(3, () => this.filter(entity, depth - 1));
    if (name === "not") return depth === 0 ? undefined : this.filter(entity, depth - 1);
    const column = exposedColumn(entity, name);
    if (column !== undefined) return this.#columnPart(entity, column);
    const reference = entity.references.find(({ field }) => field === name);
    const child = entity.children.find(({ field }) => field === name);
    const target = model.entity.get(reference?.target ?? child?.entity ?? "");
    if (target === undefined) {
      this.skipped.add(`filter ${entity.name}.${name}`);
      return undefined;
    }
    if (depth === 0) return undefined;
    const inner = () => this.filter(target, depth - 1);
    if (child === undefined || child.unique) return inner();
    const quantifiers = random.shuffled(["some", "every", "none"]).slice(0, random.chance(0.8) ? 1 : 2);
    return Object.fromEntries(quantifiers.map((quantifier) => [quantifier, inner()]));
  }

  #columnPart(entity: Entity, column: Column): unknown {
    const { random } = this;
    const { codec, graphql, list } = column.type;
    const type = this.#input(`${list === undefined ? graphql : `${list.element}List`}Filter`);
    if (codec === undefined) return this.#valuePart(type, this.pools.of(entity, column));
    const parts = Object.values(type.getFields()).filter(
      ({ name }) => name === "isNull" || isTold(codec, name),
    );
    const part = random.pick(parts);
    const inner = getNamedType(part.type);
    if (!isInputObjectType(inner)) return { [part.name]: random.chance(0.5) };
    return { [part.name]: this.#valuePart(inner, this.pools.ofPart(entity, column, part.name)) };
  }

  #valuePart(type: GraphQLInputObjectType, pool: readonly unknown[]): Input | undefined {
    if (type.name === "JSONFilter") return jsonFilter(this, type, { pool, depth: 2 });
    return type.name.endsWith("ListFilter") ? listFilter(this, type, pool) : this.operators(type, pool);
  }

  /** Operators of a scalar's filter; absent where none is known. */
  operators(type: GraphQLInputObjectType, pool: readonly unknown[]): Input | undefined {
    const { random } = this;
    for (const name of Object.keys(type.getFields()))
      if (!operators.has(name)) this.skipped.add(`operator ${type.name}.${name}`);
    const known = Object.values(type.getFields()).filter(({ name }) => operators.has(name));
    if (known.length === 0) return undefined;
    const filter: Record<string, unknown> = {};
    for (let left = random.pick([1, 1, 1, 1, 2]); left > 0; left--) {
      const { name, type: taken } = random.pick(known);
      const scalar = getNamedType(taken);
      const value = () => {
        if (isEnumType(scalar)) return random.pick(scalar.getValues()).name;
        if (looked.includes(name)) return searched(random, name, pool);
        return operand(random, scalar.name, pool);
      };
      filter[name] = isListType(taken)
        ? random.list(4, value)
        : name === "isNull"
          ? random.chance(0.5)
          : value();
    }
    return filter;
  }

  /** An `orderBy`. */
  orderBy(entity: Entity): readonly Input[] {
    const entries = this.random.list(3, () => this.#order(entity, 2));
    return entries.filter((entry) => entry !== undefined);
  }

  #order(entity: Entity, depth: number): Input | undefined {
    const { random, model } = this;
    const type = this.schema.getType(`${entity.name}OrderBy`);
    if (!isInputObjectType(type)) return undefined;
    const field = random.pick(Object.values(type.getFields()));
    const inside = getNamedType(field.type);
    if (isEnumType(inside)) return { [field.name]: random.pick(directions) };
    const codec = exposedColumn(entity, field.name)?.type.codec;
    if (codec !== undefined && isInputObjectType(inside)) {
      const told = Object.keys(inside.getFields()).filter(
        (part) => isTold(codec, part) || random.chance(0.02),
      );
      return told.length === 0
        ? undefined
        : { [field.name]: { [random.pick(told)]: random.pick(directions) } };
    }
    if (depth === 0) return undefined;
    const reference = entity.references.find((one) => one.field === field.name);
    const child = entity.children.find((one) => one.field === field.name);
    const target = model.entity.get(reference?.target ?? child?.entity ?? "");
    if (target === undefined) {
      this.skipped.add(`order ${entity.name}.${field.name}`);
      return undefined;
    }
    const inner =
      reference === undefined ? this.#aggregateOrder(target, depth - 1) : this.#order(target, depth - 1);
    return inner === undefined ? undefined : { [field.name]: inner };
  }

  #aggregateOrder(entity: Entity, depth: number): Input | undefined {
    const { random } = this;
    const type = this.#input(`${entity.name}AggregateOrderBy`);
    const { name } = random.pick(Object.values(type.getFields()));
    if (name === "count") return { count: random.pick(directions) };
    const isSum = name === "sum" || name === "avg";
    for (let tries = 0; tries < 6; tries++) {
      const inner = this.#order(entity, depth);
      if (inner !== undefined && (!isSum || this.#isNumeric(entity, inner) || random.chance(0.02)))
        return { [name]: inner };
    }
    return { count: random.pick(directions) };
  }

  #isNumeric(entity: Entity, order: Input): boolean {
    const [[name, inner] = ["", undefined]] = Object.entries(order);
    const sums = this.schema.getType(`${entity.name}SumsHaving`);
    if (typeof inner === "string") return isInputObjectType(sums) && name in sums.getFields();
    const column = exposedColumn(entity, name);
    if (column?.type.codec !== undefined) {
      const parts = this.schema.getType(`${column.type.graphql}SumsHaving`);
      return isInputObjectType(parts) && Object.keys(inner ?? {}).every((part) => part in parts.getFields());
    }
    const reference = entity.references.find(({ field }) => field === name);
    const child = entity.children.find(({ field }) => field === name);
    const target = this.model.entity.get(reference?.target ?? child?.entity ?? "");
    if (target === undefined || typeof inner !== "object" || inner === null) return false;
    if (reference !== undefined) return this.#isNumeric(target, inner as Input); // an order of the target
    const [[measure, value] = ["", undefined]] = Object.entries(inner);
    return (
      measure === "count" || measure === "sum" || measure === "avg" || this.#isNumeric(target, value as Input)
    );
  }

  /** Arguments of `groupBy`. */
  groupBy(entity: Entity): Input {
    const { random } = this;
    const keys = this.schema.getType(`${entity.name}GroupKey`);
    const names = isEnumType(keys) ? keys.getValues().map(({ name }) => name) : [];
    const by = random.shuffled(names).slice(0, random.pick([1, 1, 2, 3]));
    const orders = random.list(2, () => this.#aggregateOrder(entity, 1)).filter((one) => one !== undefined);
    return {
      by: random.chance(0.01) ? [] : by,
      ...(random.chance(0.4) ? { having: this.#having(entity, 2) } : {}),
      ...(random.chance(0.4) ? { orderBy: orders } : {}),
      ...(random.chance(0.3) ? { first: random.pick([0, 1, 2, 5, 20, 20, 10_001, -1]) } : {}),
    };
  }

  #having(entity: Entity, depth: number): Input {
    const { random } = this;
    const field = random.pick(Object.values(this.#input(`${entity.name}Having`).getFields()));
    const { name } = field;
    if (name === "and" || name === "or")
      return { [name]: depth === 0 ? [] : random.list(2, () => this.#having(entity, depth - 1)) };
    if (name === "not") return { not: depth === 0 ? {} : this.#having(entity, depth - 1) };
    const type = getNamedType(field.type);
    if (!isInputObjectType(type)) return {};
    if (name === "count") return { count: this.operators(type, [1, 2, 3]) ?? {} };
    const all = Object.values(type.getFields());
    const told = all.filter((one) => exposedColumn(entity, one.name)?.type.codec !== undefined);
    // Of codecs there are few columns, and each has many fields.
    const inner = random.pick(told.length > 0 && random.chance(0.5) ? told : all);
    const column = exposedColumn(entity, inner.name);
    const filter = getNamedType(inner.type);
    if (column === undefined || !isInputObjectType(filter)) return {};
    const { codec } = column.type;
    if (codec !== undefined) {
      const parts = Object.values(filter.getFields()).filter((part) => isTold(codec, part.name));
      if (parts.length === 0) return {};
      const part = random.pick(parts);
      const scalar = getNamedType(part.type);
      const pool = this.pools.ofPart(entity, column, part.name);
      if (!isInputObjectType(scalar)) return {};
      const fitting = pool.filter((value) => isFitting(scalar.name, value));
      return { [name]: { [inner.name]: { [part.name]: this.operators(scalar, fitting) ?? {} } } };
    }
    const pool = this.pools.of(entity, column).filter((value) => isFitting(filter.name, value));
    return { [name]: { [inner.name]: this.operators(filter, pool) ?? {} } };
  }
}

/** Sums of text in the request would be refused. */
function isFitting(filter: string, value: unknown): boolean {
  if (filter === "DecimalFilter") return /^-?\d+(\.\d+)?$/.test(String(value));
  return filter !== "Float64Filter" || typeof value === "number" || /NaN|Infinity/.test(String(value));
}
