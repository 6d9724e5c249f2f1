/** Values of an extension in the shape of their selection, by the rules of graphql-js; rows of tables are read compiled, all at once. */

import {
  type FieldNode,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import type { Values } from "../../extend/contract.ts";
import type { Entity } from "../../model/model.ts";
import { collectFields, selectionSets } from "../../plan/collect-fields.ts";
import { type AnswerFaults, putAt, type Slot, slotIn, valueAt } from "../answer-slot.ts";
import { parseId } from "../node-id.ts";
import type { UserRequest } from "../user-answers.ts";
import { entityKey } from "./entity-key.ts";
import type { UserServices } from "./services.ts";
import { translated } from "./translated.ts";
import { leafJson } from "./user-leaf.ts";
import type { UserCall } from "./user-schema.ts";

/** A field of an own type that a function answers. */
export interface Ask {
  readonly slot: Slot;
  /** `LabHealth.sessions` */
  readonly name: string;
  readonly type: GraphQLOutputType;
  readonly nodes: readonly FieldNode[];
  readonly args: Values;
  readonly parent: Values;
  readonly call: UserCall;
}

/** A row of a table that stands at a place of the answer. */
export interface Want {
  readonly slot: Slot;
  readonly name: string;
  readonly entity: Entity;
  readonly key: readonly string[];
  readonly nodes: readonly FieldNode[];
}

/** What a value is to become. */
interface Target {
  /** Of the field, for messages: `Query.busiestSubject`. */
  readonly name: string;
  readonly type: GraphQLOutputType;
  readonly nodes: readonly FieldNode[];
}

type Collected = ReadonlyMap<string, readonly FieldNode[]>;

/** Puts values into an answer, and gathers what must be asked or read before the rest of them can be. */
export class ValueCompletion {
  readonly #services: UserServices;
  readonly #request: UserRequest;
  readonly #faults: AnswerFaults;
  readonly #collected = new Map<readonly FieldNode[], Map<string, Collected>>();
  #pending: Promise<void>[] = [];
  #asks: Ask[] = [];
  #wants: Want[] = [];

  constructor(services: UserServices, request: UserRequest, faults: AnswerFaults) {
    this.#services = services;
    this.#request = request;
    this.#faults = faults;
  }

  /** What is to be done next, once every promise in the values so far is settled; it is handed over once. */
  async next(): Promise<{ readonly asks: readonly Ask[]; readonly wants: readonly Want[] }> {
    while (this.#pending.length > 0) {
      const pending = this.#pending;
      this.#pending = [];
      await Promise.all(pending);
    }
    const found = { asks: this.#asks, wants: this.#wants.filter(({ slot }) => isAttached(slot)) };
    [this.#asks, this.#wants] = [[], []];
    return found;
  }

  /** Notes an error, unless a fault before it has taken the place out of the answer. */
  fail(slot: Slot, error: unknown): void {
    if (isAttached(slot)) this.#faults.add(slot, translated(error));
  }

  /** Puts a value at its place. */
  put(slot: Slot, value: unknown, target: Target): void {
    if (isThenable(value)) {
      const settled = Promise.resolve(value).then(
        (found) => this.put(slot, found, target),
        (error: unknown) => this.fail(slot, error),
      );
      this.#pending.push(settled);
      return;
    }
    const { type, name } = target;
    const isNothing = value === null || value === undefined;
    if (value instanceof Error) this.fail(slot, value);
    else if (isNonNullType(type) && isNothing) this.fail(slot, nullFault(name));
    else if (isNonNullType(type)) this.#present(slot, value, { ...target, type: type.ofType });
    else if (isNothing) putAt(slot, null);
    else this.#present(slot, value, target);
  }

  #present(slot: Slot, value: unknown, target: Target): void {
    const { type, name } = target;
    try {
      if (isListType(type)) this.#list(slot, value, { ...target, type: type.ofType });
      else if (isLeafType(type)) putAt(slot, leafJson(type, value));
      else this.#composite(slot, value, target);
    } catch (error) {
      // What does not fit is the extension's mistake, not the caller's: it is told in the log.
      const said = error instanceof GraphQLError ? error.message : undefined;
      this.fail(slot, said === undefined ? error : new TypeError(`${name}: ${said}`));
    }
  }

  #list(slot: Slot, value: unknown, target: Target): void {
    if (typeof value !== "object" || value === null || !(Symbol.iterator in value))
      throw new TypeError(`Expected Iterable, but did not find one for field "${target.name}".`);
    const items = Array.from(value as Iterable<unknown>);
    const list: unknown[] = items.map(() => null);
    putAt(slot, list);
    const nullable = !isNonNullType(target.type);
    for (const [index, item] of items.entries())
      this.put(slotIn(list, index, { nullable, parent: slot }), item, target);
  }

  #composite(slot: Slot, value: unknown, target: Target): void {
    const { model } = this.#services;
    const { name, nodes } = target;
    const type = this.#typeOf(value, target);
    const entity = model.entity.get(type.name);
    if (entity === undefined) {
      this.#object(slot, value, { type, nodes });
      return;
    }
    putAt(slot, null);
    this.#wants.push({ slot, name, entity, key: entityKey(model, entity, value), nodes });
  }

  /** Of an abstract type the value tells which it is: by `__typename`, or by an id. */
  #typeOf(value: unknown, { type, name }: Target): GraphQLObjectType {
    const { schema, model } = this.#services;
    if (isObjectType(type)) return type;
    const named =
      typeof value === "string"
        ? parseId(model, value)?.entity.name
        : typeof value === "object" && value !== null && "__typename" in value
          ? value.__typename
          : undefined;
    const found = schema.getType(String(named));
    if (isAbstractType(type) && isObjectType(found) && schema.isSubType(type, found)) return found;
    throw new TypeError(
      `${name}: the value tells no type of ${type}: give it a __typename, or answer an id.`,
    );
  }

  #object(
    slot: Slot,
    value: unknown,
    { type, nodes }: { readonly type: GraphQLObjectType; readonly nodes: readonly FieldNode[] },
  ): void {
    if (typeof value !== "object" || value === null)
      throw new TypeError(`A value of ${type.name} is no object.`);
    // Checked above; GraphQL reads its fields by name.
    const parent = value as Values;
    const object: Record<string, unknown> = Object.create(null);
    putAt(slot, object);
    for (const [key, found] of this.#fields(type, nodes)) {
      const field = found[0]?.name.value ?? "";
      const definition = type.getFields()[field];
      object[key] = definition === undefined ? type.name : null;
      if (definition === undefined) continue;
      const inner = slotIn(object, key, { nullable: !isNonNullType(definition.type), parent: slot });
      const name = `${type.name}.${field}`;
      const target = { name, type: definition.type, nodes: found };
      const call = this.#services.user.calls.get(name) ?? methodOf(parent, field);
      if (call === undefined) this.put(inner, parent[field], target);
      else this.#ask(inner, { ...target, parent, call });
    }
  }

  #ask(slot: Slot, ask: Omit<Ask, "slot" | "args">): void {
    const { schema } = this.#services;
    const [type = "", field = ""] = ask.name.split(".");
    const owner = schema.getType(type);
    const definition = isObjectType(owner) ? owner.getFields()[field] : undefined;
    const [node] = ask.nodes;
    try {
      const args =
        definition === undefined || node === undefined
          ? {}
          : getArgumentValues(definition, node, this.#request.variables);
      this.#asks.push({ ...ask, slot, args });
    } catch (error) {
      this.fail(slot, error);
    }
  }

  /** Collected once for each type and place, so that equal places are known by their nodes. */
  #fields(type: GraphQLObjectType, nodes: readonly FieldNode[]): Collected {
    const byType = this.#collected.get(nodes) ?? new Map<string, Collected>();
    this.#collected.set(nodes, byType);
    const known = byType.get(type.name);
    if (known !== undefined) return known;
    const { fragments, variables } = this.#request;
    const context = { schema: this.#services.schema, fragments, variables };
    const made = collectFields(context, type, selectionSets(nodes));
    byType.set(type.name, made);
    return made;
  }
}

/** As graphql-js has it, a function in an object answers its field; here with the arguments and the context. */
function methodOf(parent: Values, field: string): UserCall | undefined {
  if (typeof parent[field] !== "function") return undefined;
  return async (rows, args, context) =>
    Promise.all(
      rows.map(async (row) => {
        const method = row[field];
        try {
          return typeof method === "function" ? await method.call(row, args, context) : method;
        } catch (error) {
          return error instanceof Error ? error : new Error(String(error));
        }
      }),
    );
}

/** The error for a null where none may be. */
export function nullFault(name: string): Error {
  return new TypeError(`Cannot return null for non-nullable field ${name}.`);
}

/** False where null has taken the place of something around. */
export function isAttached(slot: Slot): boolean {
  for (let at = slot; at.parent !== undefined; at = at.parent)
    if (valueAt(at.parent) !== at.container) return false;
  return true;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
