/** What is told of many rows of a random model: the same as what the rows themselves tell when they are read one by one. */

import { expect } from "vitest";
import type { Column, Entity, Model } from "../../src/model/model.ts";
import * as oracle from "../api/aggregate-oracle.ts";
import {
  compareValues,
  type FieldFacts,
  groupRows,
  type Kind,
  type Row,
  type Value,
} from "../api/aggregate-oracle.ts";
import type { Random } from "./random.ts";
import { children } from "./requests.ts";
import type { Service } from "./world.ts";

// biome-ignore lint/suspicious/noExplicitAny: every query has its own shape
type Answer = any;

const kindOf: Readonly<Record<string, Kind>> = {
  Int: "int",
  BigInt: "big",
  Decimal: "decimal",
  Float: "float",
  Float32: "float",
  Float64: "float",
  String: "text",
  UUID: "text",
  Boolean: "boolean",
  Date: "time",
  DateTime: "time",
};

interface Field {
  readonly name: string;
  readonly facts: FieldFacts;
}

/** Looks at the aggregates, the groups and the orders by children of every entity. */
export async function expectAggregates(service: Service, random: Random): Promise<void> {
  const { model } = service;
  for (const entity of model.entities) {
    if (entity.listOf !== undefined) continue;
    const fields = entity.columns.flatMap((column) => fieldOf(model, column));
    const rows = await rowsOf(service, entity, fields);
    await expectMeasures(service, entity, { fields, rows });
    await expectGroups(service, entity, { fields, rows, random });
    for (const child of children(model, entity)) {
      if (!child.unique) await expectOrder(service, entity, child, random);
    }
  }
}

function fieldOf(model: Model, column: Column): Field[] {
  const { type, exposed, field } = column;
  const kind = type.enum === undefined ? kindOf[type.graphql] : "enum";
  if (!exposed || kind === undefined || type.list !== undefined || type.codec !== undefined) return [];
  const values = model.enum.get(type.enum ?? "")?.values.map(({ name }) => name);
  const scale = /^decimal\(\d+,\s*(\d+)\)$/.exec(type.spec)?.[1];
  const facts: FieldFacts = {
    kind,
    isPadded: /^char\(/.test(type.spec),
    isSingle: type.spec === "float32",
    ...(values === undefined ? {} : { values }),
    ...(scale === undefined ? {} : { scale: Number(scale) }),
  };
  return [{ name: field, facts }];
}

async function rowsOf(service: Service, entity: Entity, fields: readonly Field[]): Promise<readonly Row[]> {
  const names = fields.map(({ name }) => name).join(" ");
  const answer: Answer = await service.data(
    `{ list: ${entity.plural}(first: 1000) { totalCount nodes { __typename ${names} } } }`,
  );
  expect(answer.list.totalCount).toBe(answer.list.nodes.length);
  return answer.list.nodes;
}

const isNumber = ({ facts }: Field) => /int|big|decimal|float/.test(facts.kind);

async function expectMeasures(
  service: Service,
  entity: Entity,
  { fields, rows }: { readonly fields: readonly Field[]; readonly rows: readonly Row[] },
): Promise<void> {
  const all = fields.map(({ name }) => name).join(" ");
  const numbers = fields
    .filter(isNumber)
    .map(({ name }) => name)
    .join(" ");
  const sums = numbers === "" ? "" : `sum { ${numbers} } avg { ${numbers} }`;
  const extremes = all === "" ? "" : `min { ${all} } max { ${all} }`;
  const answer: Answer = await service.data(
    `{ list: ${entity.plural}(last: 1) { aggregate { count ${sums} ${extremes} } } }`,
  );
  const { count, sum, avg, min, max } = answer.list.aggregate;
  expect(count).toBe(rows.length);
  for (const field of fields) {
    const { name, facts } = field;
    const values = rows.map((row) => plainValue(facts, row[name] ?? null));
    expectExtreme(facts, plainValue(facts, min[name]), oracle.measure(facts, "min", values));
    expectExtreme(facts, plainValue(facts, max[name]), oracle.measure(facts, "max", values));
    if (isNumber(field)) expectSums(facts, { values, sum: sum[name], avg: avg[name] });
  }
}

/** NaN and the infinities as numbers, single precision as what it is in binary; zero without its sign. */
function plainValue({ kind, isSingle }: FieldFacts, value: Value): Value {
  if (kind !== "float" || value === null) return value;
  return (isSingle === true ? Math.fround(Number(value)) : Number(value)) + 0;
}

function expectExtreme(facts: FieldFacts, found: Value, wanted: Value): void {
  if (found === null || wanted === null) expect(found).toBe(wanted);
  else expect({ found, wanted, order: compareValues(facts, found, wanted) }).toMatchObject({ order: 0 });
}

function expectSums(
  facts: FieldFacts,
  { values, sum, avg }: { readonly values: readonly Value[]; readonly sum: Value; readonly avg: Value },
): void {
  const wanted = oracle.measure(facts, "sum", values);
  if (facts.kind !== "float") {
    expect(sum).toBe(wanted);
    expect(oracle.shownAverage(avg)).toBe(oracle.measure(facts, "avg", values));
    return;
  }
  const given = values.filter((value) => value !== null).map(Number);
  expect(sum === null).toBe(given.length === 0);
  // Sums beyond the range on the way are told otherwise by the plain sum of JavaScript.
  if (sum === null || given.some((value) => !(Math.abs(value) < 1e300))) return;
  const size = given.reduce((total, value) => total + Math.abs(value), 0);
  expect(Math.abs(Number(sum) - Number(wanted))).toBeLessThanOrEqual(size * 1e-12);
  expect(Math.abs(Number(avg) * given.length - Number(wanted))).toBeLessThanOrEqual(size * 1e-12 + 1e-300);
}

async function expectGroups(
  service: Service,
  entity: Entity,
  { fields, rows, random }: { fields: readonly Field[]; rows: readonly Row[]; random: Random },
): Promise<void> {
  const { name, plural } = entity;
  const known: Answer = await service.data(
    `{ keys: __type(name: "${name}GroupKey") { enumValues { name } } values: __type(name: "${name}GroupValues") { fields { name } } }`,
  );
  const keys: { key: string; field: string }[] = known.keys.enumValues.map((one: Answer, index: number) => ({
    key: one.name,
    field: known.values.fields[index].name,
  }));
  const chosen = [...new Set([random.pick(keys), random.pick(keys)])];
  const query = `query ($by: [${name}GroupKey!]!) { list: ${plural} { groupBy(by: $by) { key { ${keys.map(({ field }) => field).join(" ")} } aggregate { count } } } }`;
  for (const by of [...keys.map((key) => [key]), chosen]) {
    const answer: Answer = await service.data(query, { by: by.map(({ key }) => key) });
    const groups: Answer[] = answer.list.groupBy;
    expect(groups.reduce((total, group) => total + group.aggregate.count, 0)).toBe(rows.length);
    const told = by.flatMap(({ field }) => fields.filter((one) => one.name === field));
    if (told.length !== by.length) continue;
    const parts = told.map((one) => ({
      facts: one.facts,
      of: (row: Row) => plainValue(one.facts, row[one.name] ?? null),
    }));
    const wanted = groupRows(rows, parts).map((group) => ({ key: group.key, count: group.rows.length }));
    const found = groups.map(({ key, aggregate }) => ({
      key: told.map((one) => plainValue(one.facts, key[one.name])),
      count: aggregate.count,
    }));
    expect(found).toEqual(wanted);
  }
}

async function expectOrder(
  service: Service,
  entity: Entity,
  child: { readonly field: string; readonly target: Entity },
  random: Random,
): Promise<void> {
  const type = `[${entity.name}OrderBy!]`;
  const query = `query ($orderBy: ${type}) { list: ${entity.plural}(first: 1000, orderBy: $orderBy) { totalCount nodes { id ${child.field} { aggregate { count } totalCount } } } }`;
  const counts = async (orderBy: object): Promise<number[]> => {
    const { list }: Answer = await service.data(query, { orderBy: [orderBy] });
    expect(new Set(list.nodes.map((node: Answer) => node.id)).size).toBe(list.totalCount);
    for (const node of list.nodes)
      expect(node[child.field].aggregate.count).toBe(node[child.field].totalCount);
    return list.nodes.map((node: Answer) => node[child.field].totalCount);
  };
  const down = await counts({ [child.field]: { count: "DESC" } });
  expect(down).toEqual([...down].sort((a, b) => b - a));
  const fields = child.target.columns.flatMap((column) => fieldOf(service.model, column));
  if (fields.length === 0) return;
  const field = random.pick(fields);
  const measure = random.pick(isNumber(field) ? ["sum", "avg", "min", "max"] : ["min", "max"]);
  await counts({ [child.field]: { [measure]: { [field.name]: random.pick(["ASC", "DESC"]) } } });
}
