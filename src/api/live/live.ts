/** Subscriptions of one schema version: from a validated operation to a stream of results. */

import { createHash, randomUUID } from "node:crypto";
import type { GraphQLFormattedError } from "graphql";
import { unwatchedTables } from "../../db/changes.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { type ChangePlan, planChange } from "../../plan/plan-change.ts";
import { watchTriggers } from "../../sql/watch.ts";
import type { ReadServices } from "../execute-query.ts";
import { type ErrorLog, formatError, graphqlError } from "../graphql-error.ts";
import { beyondLimit } from "../limits.ts";
import { fragmentsOf, type Operation } from "../plan-cache.ts";
import { planningBudget } from "../planning-budget.ts";
import { type ResolvedArguments, resolveArguments } from "../resolve-arguments.ts";
import { withRules } from "../row-rules.ts";
import type { WriteContext } from "../write/contract.ts";
import { Channel } from "./channel.ts";
import type { ChangeFeed } from "./feed.ts";
import { Group } from "./group.ts";
import { type Position, positionOf } from "./position.ts";
import { snapshotOf } from "./snapshot.ts";
import { tablesOf } from "./source.ts";
import { type LiveChange, Subscriber } from "./subscriber.ts";
import { changeData, type Question, Teller } from "./tell.ts";

/** One change, as an execution result. */
export interface LiveResult {
  readonly data: Readonly<Record<string, unknown>>;
  readonly errors?: readonly GraphQLFormattedError[];
  /** Of the change, whether it is selected or not. */
  readonly cursor: string;
}

/** Why a stream has ended before its client wanted it to; `errors` are as clients see them. */
export class StreamFailure extends Error {
  readonly errors: readonly GraphQLFormattedError[];

  constructor(errors: readonly GraphQLFormattedError[], cause: unknown) {
    super(errors[0]?.message ?? "The stream has failed.", { cause });
    this.errors = errors;
  }
}

/** Results until the client has enough; `next` throws a {@link StreamFailure} where nothing more can be told. */
type LiveStream = AsyncIterableIterator<LiveResult>;

/** Who subscribes. */
export interface LiveContext {
  readonly viewer: WriteContext;
  /** Where it goes on when the operation gives no `after`. */
  readonly after?: string | undefined;
}

interface Shared {
  readonly group: Group;
  members: number;
}

/** Bytes of changes that wait for one client, about. */
const waitingSize = 16 * 2 ** 20;

/** Opens subscriptions of one schema version. */
export class LiveQueries {
  readonly #services: ReadServices;
  readonly #feed: ChangeFeed;
  readonly #log: ErrorLog;
  readonly #groups = new Map<string, Shared>();

  constructor(services: ReadServices, feed: ChangeFeed, log: ErrorLog) {
    this.#services = services;
    this.#feed = feed;
    this.#log = log;
  }

  /**
   * Begins a subscription: everything that is committed after the answer is told, or after `after`.
   * @throws {BAD_USER_INPUT | LIMIT_EXCEEDED | SCHEMA_DRIFT | CHANGES_GONE}
   */
  async open(operation: Operation, context: LiveContext): Promise<LiveStream> {
    const { limits, db, model } = this.#services;
    const plan = this.#plan(operation);
    const entity = model.entity.get(plan.entity);
    if (entity === undefined) throw new TypeError(`The model has no entity ${plan.entity}.`);
    const given = resolveArguments(plan.places, operation.variables, { model, limits });
    const { resolved, rules } = withRules(given, this.#services.rules?.of(context.viewer));
    const { principal, baseUrl } = context.viewer;
    const { document, variables } = operation;
    // The request that opens it is over long before the last change.
    const request = { fragments: fragmentsOf(document), variables, context: { principal, baseUrl } };
    const after = resolved[0]?.["after"] ?? context.after;
    await this.#checkWatched(entity);
    const position = typeof after === "string" ? await positionOf(db, after) : undefined;
    this.#count();
    try {
      return await this.#join({ plan, entity, resolved, rules, request }, position);
    } catch (error) {
      this.#feed.subscriptions -= 1;
      throw error;
    }
  }

  #plan({ document, operation, variables }: Operation): ChangePlan {
    const { schema, model, limits } = this.#services;
    const budget = planningBudget(limits);
    const plan = planChange(
      { schema, model, fragments: fragmentsOf(document), variables, budget },
      operation,
    );
    if (plan !== undefined) return plan;
    throw new ServiceError("BAD_USER_INPUT", "The subscription has no field: @skip or @include leave none.");
  }

  #count(): void {
    const { limits } = this.#services;
    if (this.#feed.subscriptions >= limits.maxSubscriptions)
      throw beyondLimit(
        `This service has ${this.#feed.subscriptions} subscriptions open`,
        "maxSubscriptions",
        limits,
      );
    this.#feed.subscriptions += 1;
  }

  async #checkWatched(entity: Entity): Promise<void> {
    const { db, model } = this.#services;
    const missing = await unwatchedTables(db, tablesOf(model, entity), watchTriggers);
    if (missing.length === 0) return;
    throw new ServiceError("SCHEMA_DRIFT", `The changes of ${missing.join(", ")} are not recorded.`, {
      details: {
        remedy:
          "Apply the schema: holdfast apply adds the triggers, as a user with the right TRIGGER on the tables.",
      },
    });
  }

  async #join(question: Question, start: Position | undefined): Promise<LiveStream> {
    const { db, limits } = this.#services;
    const key = keyOf(question);
    const shared = this.#shared(key, question);
    const { group } = shared;
    const leave = (): void => {
      shared.members -= 1;
      if (shared.members > 0) return;
      this.#feed.remove(group);
      if (this.#groups.get(key) === shared) this.#groups.delete(key);
    };
    try {
      await this.#feed.add(group);
    } catch (error) {
      leave();
      throw error;
    }
    // The feed has a position by now; who begins without one begins there.
    const position = start ?? { base: this.#feed.position ?? snapshotOf("0:0:") };
    const channel = new Channel<LiveChange>({ items: limits.maxQueuedChanges, size: waitingSize }, () => {
      this.#feed.subscriptions -= 1;
      group.detach(subscriber);
      leave();
    });
    const subscriber = new Subscriber({ db, feed: this.#feed, group, channel }, position);
    this.#feed.begun += 1;
    void subscriber.run();
    return this.#results(question.plan, channel);
  }

  #shared(key: string, question: Question): Shared {
    const known = this.#groups.get(key);
    const { model } = this.#services;
    const made = (): Group => {
      const budget = planningBudget(this.#services.limits);
      const teller = new Teller(this.#services, question);
      teller.check();
      budget.check();
      return new Group(this.#feed, teller, tablesOf(model, question.entity));
    };
    const shared = known ?? { group: made(), members: 0 };
    shared.members += 1;
    this.#groups.set(key, shared);
    return shared;
  }

  #results(plan: ChangePlan, channel: Channel<LiveChange>): LiveStream {
    const format = formatError(this.#log);
    const failure = (error: unknown): StreamFailure => {
      const one = graphqlError(error, { path: [plan.key] });
      return new StreamFailure([format(one.toJSON(), one)], error);
    };
    const resultOf = ({ told, cursor }: LiveChange): LiveResult => {
      const data = changeData(plan, told, cursor);
      const errors = told.errors.map((error) => format(error.toJSON(), error));
      return { ...(errors.length === 0 ? {} : { errors }), data, cursor };
    };
    return {
      next: async () => {
        const taken = await channel.next().catch((error: unknown) => {
          throw failure(error);
        });
        return taken.done === true
          ? { done: true, value: undefined }
          : { done: false, value: resultOf(taken.value) };
      },
      return: async () => {
        await channel.return();
        return { done: true, value: undefined };
      },
      throw: async () => {
        await channel.return();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

/** What two subscriptions must have in common to be told the same, whatever their `after`. */
function keyOf({ plan, entity, resolved, request }: Question): string {
  const { baseUrl } = request.context;
  const places: ResolvedArguments = resolved.map((place, at) =>
    at === 0 ? { where: place["where"] } : place,
  );
  const text = JSON.stringify(
    [entity.name, plan.key, plan.selection, places, baseUrl],
    (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value),
  );
  // Functions of an extension are told who asks: what they answer is nobody else's.
  const isOwn = text.includes('"kind":"user"');
  return isOwn ? randomUUID() : createHash("sha256").update(text).digest("hex");
}
