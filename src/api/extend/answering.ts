/** Answers for an extension within one request: calls its functions, puts their values in place, reads the rows that they name. */

import { type GraphQLOutputType, isObjectType } from "graphql";
import type { Values } from "../../extend/contract.ts";
import { putAt, type Slot } from "../answer-slot.ts";
import { completeTasks } from "../complete-answer.ts";
import { type UserTask, type Walk, walkRow } from "../completion.ts";
import { readRows } from "../read-rows.ts";
import type { ResolvedArguments } from "../resolve-arguments.ts";
import type { UserRequest } from "../user-answers.ts";
import { callUser } from "./call-user.ts";
import { type Ask, isAttached, nullFault, ValueCompletion, type Want } from "./complete-values.ts";
import type { UserScope, UserServices } from "./services.ts";
import { translated } from "./translated.ts";
import type { UserCall } from "./user-schema.ts";

/** A root field of the extension. */
export interface UserRoot {
  readonly slot: Slot;
  /** `Query.busiestSubject` */
  readonly field: string;
  readonly nodes: Want["nodes"];
  readonly args: Values;
}

/** Rows that were read, whose stored values and added fields are still to come. */
interface Rest {
  readonly walk: Walk;
  readonly resolved: ResolvedArguments;
}

/** The work of one request. */
export class Answering {
  readonly #services: UserServices;
  readonly #request: UserRequest;
  readonly #walk: Pick<Walk, "model" | "faults">;
  readonly #values: ValueCompletion;
  #scope: UserScope;
  #rest: Rest[] = [];

  constructor(
    services: UserServices,
    at: {
      readonly request: UserRequest;
      readonly scope: UserScope;
      readonly walk: Pick<Walk, "model" | "faults">;
    },
  ) {
    const { request, scope, walk } = at;
    this.#services = services;
    this.#request = request;
    this.#scope = scope;
    this.#walk = walk;
    this.#values = new ValueCompletion(services, request, walk.faults);
  }

  /** From here on functions run in another scope: that of a mutation after its commit. */
  moveTo(scope: UserScope): void {
    this.#scope = scope;
  }

  fail(slot: Slot, error: unknown): void {
    this.#values.fail(slot, error);
  }

  /** Calls the function of a root field. @throws what it throws */
  async call({ field, args }: Pick<UserRoot, "field" | "args">): Promise<unknown> {
    const [value] = await this.#call(field, [{}], args);
    if (value instanceof Error) throw translated(value);
    return value;
  }

  /** Puts a root field's value in place. */
  put({ slot, field, nodes }: UserRoot, value: unknown): void {
    this.#values.put(slot, value, { name: field, type: this.#typeOf(field), nodes });
  }

  /** Answers a root field. */
  async root(root: UserRoot): Promise<void> {
    try {
      this.put(root, await this.call(root));
    } catch (error) {
      this.#abortOr(() => this.fail(root.slot, error));
    }
  }

  /** Answers the added fields of rows: one call for all rows of one field. */
  async rows(tasks: readonly UserTask[], resolved: ResolvedArguments): Promise<void> {
    const groups = Map.groupBy(tasks, ({ field }) => field);
    await Promise.all([...groups].map(([field, some]) => this.#rowsOf(some, resolved[field.at] ?? {})));
  }

  async #rowsOf(tasks: readonly UserTask[], args: Values): Promise<void> {
    const due = tasks.filter(({ slot, faults: { errors } }) => {
      if (errors[0] !== undefined) this.fail(slot, errors[0].originalError ?? errors[0]);
      return errors.length === 0 && isAttached(slot);
    });
    const field = due[0]?.field;
    if (field === undefined) return;
    const name = field.field;
    // Numbers beyond JavaScript's are kept as their text until here.
    const rows = due.map(({ holder }) => JSON.parse(JSON.stringify(holder.row)) as Values);
    const target = { name, type: this.#typeOf(name), nodes: field.nodes };
    const slots = due.map(({ slot }) => slot);
    await this.#answer(slots, { name, rows, args }, (slot, value) => this.#values.put(slot, value, target));
  }

  /** Asks and reads what the values so far lead to, until their own types are complete; rows' added fields are left. */
  async settle(): Promise<void> {
    for (;;) {
      const { asks, wants } = await this.#values.next();
      if (asks.length === 0 && wants.length === 0) return;
      const asked = Map.groupBy(asks, ({ nodes }) => nodes);
      const wanted = Map.groupBy(wants, ({ nodes }) => nodes);
      const read = [...wanted.values()].flatMap((some) => [
        ...Map.groupBy(some, ({ entity }) => entity).values(),
      ]);
      await Promise.all([
        ...[...asked.values()].map((some) => this.#askAll(some)),
        ...read.map((some) => this.#read(some)),
      ]);
    }
  }

  /** Everything that is left: stored values and added fields of rows that were read, and what these lead to. */
  async finish(): Promise<void> {
    await this.settle();
    while (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = [];
      await Promise.all(rest.map((one) => this.#finishOne(one)));
      await this.settle();
    }
  }

  async #finishOne({ walk, resolved }: Rest): Promise<void> {
    const { registry, objects, urls, limits } = this.#services;
    const { baseUrl, signal } = this.#request.context;
    const { inlineLimitBytes, parallelReads } = limits;
    const context = { registry, objects, urls, baseUrl, inlineLimitBytes, arguments: resolved, signal };
    await completeTasks(walk, context, parallelReads);
    await this.rows(walk.users, resolved);
  }

  async #askAll(asks: readonly Ask[]): Promise<void> {
    const due = asks.filter(({ slot }) => isAttached(slot));
    const [first] = due;
    if (first === undefined) return;
    const { name, args, type, nodes, call } = first;
    const rows = due.map(({ parent }) => parent);
    const slots = due.map(({ slot }) => slot);
    await this.#answer(slots, { name, rows, args, call }, (slot, value) =>
      this.#values.put(slot, value, { name, type, nodes }),
    );
  }

  async #answer(
    slots: readonly Slot[],
    asked: {
      readonly name: string;
      readonly rows: readonly Values[];
      readonly args: Values;
      readonly call?: UserCall;
    },
    put: (slot: Slot, value: unknown) => void,
  ): Promise<void> {
    const { name, rows, args, call } = asked;
    try {
      const values = await this.#call(name, rows, args, call);
      for (const [index, slot] of slots.entries()) put(slot, values[index]);
    } catch (error) {
      this.#abortOr(() => {
        for (const slot of slots) this.fail(slot, error);
      });
    }
  }

  async #call(
    name: string,
    rows: readonly Values[],
    args: Values,
    given?: UserCall,
  ): Promise<readonly unknown[]> {
    const call = given ?? this.#services.user.calls.get(name);
    if (call === undefined) throw new TypeError(`Nothing answers ${name}.`);
    const values = await callUser(this.#services, this.#scope, {
      name,
      work: (context) => call(rows, args, context),
    });
    if (!Array.isArray(values) || values.length !== rows.length) {
      const said = Array.isArray(values) ? `${values.length} values` : "no list";
      throw new TypeError(`${name}: resolveMany answered ${said} for ${rows.length} rows.`);
    }
    return values;
  }

  async #read(wants: readonly Want[]): Promise<void> {
    const [first] = wants;
    if (first === undefined) return;
    const { entity, nodes } = first;
    const { fragments, variables, context } = this.#request;
    const keys = wants.map(({ key }) => key);
    const queryable = this.#scope.lane ?? this.#services.db;
    const asked = { entity, keys, nodes, fragments, variables, context, signal: context.signal };
    const { rows, selection, resolved } = await readRows(this.#services, queryable, asked);
    const walk: Walk = { ...this.#walk, tasks: [], users: [] };
    for (const [index, { slot, name }] of wants.entries()) {
      const row = rows[index] ?? null;
      if (row === null && !slot.nullable) this.fail(slot, nullFault(name));
      if (row === null || !isAttached(slot)) continue;
      putAt(slot, row);
      walkRow(walk, slot, { entity: entity.name, selection });
    }
    this.#rest.push({ walk, resolved });
  }

  #typeOf(name: string): GraphQLOutputType {
    const [type = "", field = ""] = name.split(".");
    const owner = this.#services.schema.getType(type);
    const found = isObjectType(owner) ? owner.getFields()[field]?.type : undefined;
    if (found === undefined) throw new TypeError(`The schema has no field ${name}.`);
    return found;
  }

  /** The end of a request that its caller gave up is no field's error. */
  #abortOr(work: () => void): void {
    const { signal } = this.#request.context;
    signal?.throwIfAborted();
    work();
  }
}
