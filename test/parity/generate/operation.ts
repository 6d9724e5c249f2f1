/** Random operations over the served schema. */

import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
} from "graphql";
import type { Entity } from "../../../src/model/model.ts";
import type { Random } from "../../property/random.ts";
import type { Request } from "../oracle/answer.ts";
import { isTold } from "../oracle/codecs.ts";
import type { Meanings } from "../oracle/meanings.ts";
import { Draft, type Merging, newMerging } from "./document.ts";
import type { Inputs } from "./inputs.ts";
import { Variables } from "./variables.ts";

type Field = GraphQLField<unknown, unknown>;

/** Fields of codec values that the oracle can tell. */
const codecFields: Readonly<Record<string, readonly string[]>> = {
  NdArray: ["dtype", "shape", "sizeBytes", "values", "base64", "url"],
  Blob: ["kind", "sizeBytes", "url"],
  File: ["name", "mediaType", "sizeBytes", "digest", "text", "url"],
  Tree: ["sizeBytes", "itemCount", "isDirectory", "entries", "url"],
  FileRef: ["path", "store", "sizeBytes", "isDirectory", "modifiedAt", "status", "url"],
  JsonDocument: ["kind", "sizeBytes", "value", "raw", "url"],
  TextFile: ["sizeBytes", "length", "lineCount", "digest", "text", "url"],
  Zarr: ["dtype", "shape", "zarrFormat", "sizeBytes", "itemCount", "values", "base64", "url"],
  TableFile: ["format", "rowCount", "columnCount", "sizeBytes", "rows", "url"],
};

const oddNames = ["__proto__", "constructor", "toString", "then", "hasOwnProperty", "_"];

/** A generated request and what it makes use of. */
export interface Generated {
  readonly request: Request;
  readonly features: ReadonlySet<string>;
}

/** Makes operations for one served model. */
export class Operations {
  readonly #inputs: Inputs;
  readonly #random: Random;
  readonly #meanings: Meanings;
  readonly #variables = new Variables();

  constructor(inputs: Inputs, meanings: Meanings) {
    this.#inputs = inputs;
    this.#random = inputs.random;
    this.#meanings = meanings;
  }

  /** The next operation. */
  next(): Generated {
    const again = this.#random.chance(0.2) ? this.#again() : undefined;
    if (again !== undefined) return again;
    const made = this.#make();
    this.#variables.keep(made.request);
    return made;
  }

  /** A document that was asked before, with other values of its variables. */
  #again(): Generated | undefined {
    const request = this.#variables.again(this.#random);
    if (request === undefined) return undefined;
    return { request, features: new Set(["document again, with other variables"]) };
  }

  #make(): Generated {
    const random = this.#random;
    const draft = new Draft(random, 4 + random.below(random.chance(0.2) ? 60 : 25));
    const query = this.#inputs.schema.getQueryType();
    if (query === undefined || query === null) throw new TypeError("The schema has no queries.");
    const merging = newMerging(false);
    const parts: string[] = [];
    for (let roots = random.pick([1, 1, 1, 2, 3]); roots > 0; roots--)
      parts.push(this.#root(draft, query, merging));
    if (parts.length > 1) draft.meet("several root fields");
    if (random.chance(0.05)) parts.push(this.#introspection(draft));
    if (random.chance(0.1)) parts.push("__typename");
    const request = { query: draft.text(`{ ${parts.join(" ")} }`), variables: draft.variables };
    return { request: this.#spoilt(draft, request), features: draft.features };
  }

  /** What may be selected of an entity's rows: the selection, and the variables and fragments that it uses. */
  rowSet(entity: Entity): { readonly text: string; readonly draft: Draft } {
    const draft = new Draft(this.#random, 8);
    const type = this.#inputs.schema.getType(entity.name);
    if (!isObjectType(type)) throw new TypeError(`The schema has no type ${entity.name}.`);
    return { text: this.#set(draft, type, { merging: newMerging(false), depth: 2 }), draft };
  }

  #introspection(draft: Draft): string {
    draft.meet("introspection");
    const name = this.#random.pick([
      ...this.#inputs.model.entities.map((one) => one.name),
      "Node",
      "Nothing",
    ]);
    const value = draft.variable("String!", { value: name });
    return `${draft.name("t")}: __type(name: ${value}) { kind name fields { name type { name kind } } }`;
  }

  #root(draft: Draft, query: GraphQLObjectType, merging: Merging): string {
    const fields = Object.values(query.getFields()).filter((field) => this.#isKnown("Query", field));
    const random = this.#random;
    const lists = fields.filter(({ name }) =>
      this.#inputs.model.entities.some(({ plural }) => plural === name),
    );
    const field = random.pick(random.chance(0.75) ? lists : fields);
    const text = this.#field(draft, field, { merging, depth: 4 });
    if (random.chance(0.1)) return `... on Query${draft.directives()} { ${text} }`;
    return text;
  }

  #isKnown(type: string, field: Field): boolean {
    if (field.extensions["isKnown"] === true) return true;
    this.#inputs.skipped.add(`field ${type}.${field.name}`);
    return false;
  }

  /** One field with its arguments and what is selected of it. */
  #field(draft: Draft, field: Field, at: { readonly merging: Merging; readonly depth: number }): string {
    const random = this.#random;
    const { merging, depth } = at;
    draft.left -= 1;
    const args = this.#arguments(draft, field);
    const signature = `${field.name}${args}`;
    const key = this.#key(draft, field, { merging, hasArguments: args !== "", signature });
    const known = merging.keys.get(key);
    if (known !== undefined) draft.meet("field selected twice");
    const inner = known?.inner ?? newMerging(merging.isApart && !/^x\d/.test(key));
    merging.keys.set(key, { signature, inner });
    const name = key === field.name ? "" : `${key}: `;
    if (name !== "") draft.meet("alias");
    const type = getNamedType(field.type);
    const set = isLeafType(type) ? "" : ` ${this.#set(draft, type, { merging: inner, depth: depth - 1 })}`;
    const text = `${name}${signature}${draft.directives()}${set}`;
    if (set === "" || !random.chance(0.06)) return text;
    draft.meet("field selected twice");
    return `${text} ${name}${signature} ${this.#set(draft, type, { merging: inner, depth: depth - 1 })}`;
  }

  /** A response key that nothing else has which is not the same. */
  #key(
    draft: Draft,
    field: Field,
    at: { readonly merging: Merging; readonly hasArguments: boolean; readonly signature: string },
  ): string {
    const { keys, isApart } = at.merging;
    const random = this.#random;
    if (isApart && (at.hasArguments || !random.chance(0.5))) return draft.name("x");
    const odd = random.pick(oddNames);
    if (!isApart && !keys.has(odd) && random.chance(0.03)) {
      draft.meet("alias that objects know");
      return odd;
    }
    const taken = keys.get(field.name);
    const isFree = taken === undefined || taken.signature === at.signature;
    if (!isFree || (at.hasArguments && isApart) || random.chance(0.15)) return draft.name("x");
    return field.name;
  }

  #set(
    draft: Draft,
    type: GraphQLNamedType,
    at: { readonly merging: Merging; readonly depth: number },
  ): string {
    if (isInterfaceType(type)) return this.#interfaceSet(draft, at);
    if (!isObjectType(type)) return "";
    const random = this.#random;
    const parts: string[] = [];
    const wanted = 1 + random.below(4);
    for (let left = wanted; left > 0 || parts.length === 0; left--) {
      const text = this.#selection(draft, type, at);
      if (text !== "") parts.push(text);
      if (draft.left < 0 && parts.length > 0) break;
    }
    return `{ ${parts.join(" ")} }`;
  }

  #selection(
    draft: Draft,
    type: GraphQLObjectType,
    at: { readonly merging: Merging; readonly depth: number },
  ): string {
    const random = this.#random;
    const dice = random.next();
    if (dice < 0.06) {
      draft.meet("__typename");
      return "__typename";
    }
    if (dice < 0.12) {
      const entity = this.#inputs.model.entity.has(type.name);
      const condition = random.pick(["", ` on ${type.name}`, ...(entity ? [" on Node"] : [])]);
      draft.meet(
        `inline fragment${condition === "" ? " without a type" : condition === " on Node" ? " on an interface" : ""}`,
      );
      const inner = condition === " on Node" ? "{ id __typename }" : this.#set(draft, type, at);
      return `...${condition}${draft.directives()} ${inner}`;
    }
    if (dice < 0.17) return this.#fragment(draft, type, at.depth);
    const fields = this.#selectable(draft, type, at.depth);
    if (fields.length === 0) return "__typename";
    const floats = fields.filter((field) => getNamedType(field.type).name === "Float");
    return this.#field(draft, random.pick(floats.length > 0 && random.chance(0.15) ? floats : fields), at);
  }

  #fragment(draft: Draft, type: GraphQLObjectType, depth: number): string {
    const known = draft.fragments.filter((one) => one.type === type.name);
    if (known.length > 0 && this.#random.chance(0.6)) {
      draft.meet("named fragment spread twice");
      return `...${this.#random.pick(known).name}${draft.directives()}`;
    }
    if (draft.left < 0) return "";
    draft.meet("named fragment");
    const name = draft.name("F");
    const text = this.#set(draft, type, { merging: newMerging(true), depth: Math.min(depth, 2) });
    draft.fragments.push({ name, type: type.name, text });
    return `...${name}${draft.directives()}`;
  }

  #interfaceSet(draft: Draft, at: { readonly merging: Merging; readonly depth: number }): string {
    const random = this.#random;
    const entities = this.#inputs.model.entities.filter(({ listOf }) => listOf === undefined);
    const parts = ["__typename"];
    if (random.chance(0.5)) parts.push("id");
    for (const { name } of random.shuffled(entities).slice(0, 1 + random.below(3))) {
      const type = this.#inputs.schema.getType(name);
      if (!isObjectType(type)) continue;
      draft.meet("fragments on types of an interface");
      const merging = newMerging(true);
      parts.push(
        `... on ${name}${draft.directives()} ${this.#set(draft, type, { merging, depth: at.depth })}`,
      );
    }
    return `{ ${random.shuffled(parts).join(" ")} }`;
  }

  #selectable(draft: Draft, type: GraphQLObjectType, depth: number): readonly Field[] {
    const known = codecFields[type.name];
    const all = this.#measurable(type);
    if (known !== undefined) return all.filter(({ name }) => known.includes(name));
    if (!all.some(({ extensions }) => extensions["isKnown"] === true)) return all;
    return all.filter((field) => {
      if (!this.#isKnown(type.name, field)) return false;
      const inner = getNamedType(field.type);
      const isNested = this.#inputs.model.entity.has(inner.name) || inner.name.endsWith("Connection");
      return !isNested || field.name === "node" || field.name === "nodes" || (depth > 0 && draft.left > 0);
    });
  }

  /** The fields of a type; of measures of codec values seldom those that not every row of the type tells. */
  #measurable(type: GraphQLObjectType): readonly Field[] {
    const fields = Object.values(type.getFields());
    const output = /^(\w+)(?:Sums|Extremes)$/.exec(type.name)?.[1] ?? "";
    if (codecFields[output] === undefined || this.#random.chance(0.03)) return fields;
    const uses = this.#inputs.model.entities.flatMap(({ columns }) =>
      columns.flatMap((one) => (one.type.graphql === output ? [one.type.codec] : [])),
    );
    return fields.filter(({ name }) => uses.every((use) => use === undefined || isTold(use, name)));
  }

  #arguments(draft: Draft, field: Field): string {
    const given = this.#given(field);
    const parts = field.args.flatMap(({ name, type }) => {
      const value = given[name];
      if (value !== undefined) return [`${name}: ${draft.value(type, value, { chance: 0.3 })}`];
      // What a codec's field makes of its arguments the oracle does not know.
      const isKnown = field.args.some((one) => one.name === "orderBy");
      if (isKnown && !/!$/.test(String(type)) && this.#random.chance(0.03)) {
        draft.meet("variable that is not given, as an argument");
        return [`${name}: ${draft.variable(String(type), {})}`];
      }
      return [];
    });
    return parts.length === 0 ? "" : `(${parts.join(", ")})`;
  }

  #given(field: Field): Readonly<Record<string, unknown>> {
    const random = this.#random;
    const names = field.args.map(({ name }) => name);
    if (names.length === 0) return {};
    if (names.includes("orderBy") && names.includes("after")) return this.#listArguments(field);
    const type = getNamedType(field.type).name;
    if (names.includes("by")) return this.#inputs.groupBy(this.#entity(type.replace(/Group$/, "")));
    const id = () => {
      const { ids } = this.#meanings;
      return ids.length > 0 && random.chance(0.9)
        ? random.pick(ids)
        : random.pick(["", "x", "WyJOb3RoaW5nIl0="]);
    };
    if (names.includes("id")) return { id: id() };
    if (names.includes("ids")) return { ids: random.list(5, id) };
    if (codecFields[type] !== undefined || !this.#inputs.model.entity.has(type)) return {};
    return this.#keyArguments(field, this.#entity(type));
  }

  #entity(name: string): Entity {
    return this.#inputs.pools.tables.entity(name);
  }

  #keyArguments(field: Field, entity: Entity): Readonly<Record<string, unknown>> {
    const { pools } = this.#inputs;
    const columns = field.args.flatMap(({ name }) => entity.columns.filter((one) => one.field === name));
    const values = columns.map((column) => ({ column, pool: pools.of(entity, column) }));
    const index = this.#random.below(Math.max(pools.tables.of(entity.name).length, 1));
    return Object.fromEntries(
      values.map(({ column, pool }) => {
        const scalar = column.type.enum ?? column.type.graphql;
        const isWhole = pool.length === pools.tables.of(entity.name).length;
        const value = isWhole ? pool[index] : pool[this.#random.below(Math.max(pool.length, 1))];
        return [column.field, value ?? this.#anything(scalar)];
      }),
    );
  }

  #anything(scalar: string): unknown {
    const names = this.#inputs.model.enum.get(scalar)?.values;
    if (names !== undefined) return this.#random.pick(names).name;
    const some: Readonly<Record<string, unknown>> = {
      Int: 1,
      BigInt: "5",
      Decimal: "1.5",
      Float: 1.5,
      Float32: 1.5,
      Float64: 1.5,
      Boolean: true,
      Date: "2024-02-29",
      DateTime: "2024-02-29T12:00:00Z",
      UUID: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    };
    return some[scalar] ?? "x";
  }

  #listArguments(field: Field): Readonly<Record<string, unknown>> {
    const random = this.#random;
    const entity = this.#entity(getNamedType(field.type).name.replace(/Connection$/, ""));
    const where = random.chance(0.5)
      ? { where: random.chance(0.03) ? null : this.#inputs.filter(entity, 2) }
      : {};
    const size = random.pick([0, 1, 1, 2, 3, 5, 10, 50]);
    const known = this.#meanings.cursorsOf(entity.name);
    if (known.length > 0 && random.chance(0.35)) return { ...where, ...this.#cursorArguments(known, size) };
    const orderBy = random.chance(0.6) ? { orderBy: this.#inputs.orderBy(entity) } : {};
    return { ...where, ...orderBy, ...random.pick(pages(random, size)) };
  }

  #cursorArguments(
    known: ReturnType<Meanings["cursorsOf"]>,
    size: number,
  ): Readonly<Record<string, unknown>> {
    const random = this.#random;
    const one = random.pick(known);
    const same = known.filter(({ order }) => order === one.order);
    const orderBy = one.orderBy === undefined ? {} : { orderBy: one.orderBy };
    const bounds = random.pick([
      { after: one.text },
      { before: one.text },
      { after: one.text, before: random.pick(same).text },
      // Perhaps of another order.
      { after: random.chance(0.3) ? random.pick(known).text : one.text },
      ...(random.chance(0.1) ? [{ after: random.pick(["", "x", "W10=", "null"]) }] : []),
    ]);
    return { ...orderBy, ...bounds, ...random.pick([{ first: size }, { last: size }, {}, { offset: 1 }]) };
  }

  /** Sometimes a request that must be refused. */
  #spoilt(draft: Draft, request: Request): Request {
    const random = this.#random;
    const names = Object.keys(request.variables);
    if (names.length > 0 && random.chance(0.05)) {
      const name = random.pick(names);
      const { [name]: before, ...rest } = request.variables;
      draft.meet("variables that do not fit");
      if (random.chance(0.3)) return { ...request, variables: rest };
      const junk = [
        null,
        "nonsense",
        1.5,
        2 ** 40,
        true,
        {},
        { nothing: 1 },
        [[]],
        [null],
        "2024-13-01",
        before,
      ];
      return { ...request, variables: { ...rest, [name]: random.pick(junk) } };
    }
    if (random.chance(0.01)) {
      draft.meet("document that is not valid");
      return { ...request, query: request.query.replace(/\}$/m, " nothing }") };
    }
    return request;
  }
}

function pages(random: Random, size: number): readonly Readonly<Record<string, unknown>>[] {
  const usual = [
    {},
    { first: size },
    { first: size },
    { first: size },
    { last: size },
    { first: size, offset: 1 },
    { offset: 2 },
  ];
  if (!random.chance(0.06)) return usual;
  return [
    { first: size, last: size },
    { last: size, offset: 1 },
    { first: 1001 },
    { last: 1001 },
    { first: -1 },
    { offset: -1 },
    { first: null, last: size },
    { first: 1000 },
  ];
}
