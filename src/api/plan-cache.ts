/** Plans by document, and their statements by the shape of the arguments. */

import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  visit,
} from "graphql";
import { LRUCache } from "lru-cache";
import type { Model } from "../model/model.ts";
import type { Plan } from "../plan/plan.ts";
import { planOperation } from "../plan/plan-operation.ts";
import type { SelectStatement } from "../sql/select.ts";
import { type ApiLimits, beyondLimit } from "./limits.ts";
import { planningBudget } from "./planning-budget.ts";

/** A plan with what was compiled from it. */
export interface CachedPlan {
  readonly plan: Plan;
  readonly statements: LRUCache<
    string,
    { readonly statement: SelectStatement | undefined; uses: number; name?: string }
  >;
}

/** A validated operation of a document. */
export interface Operation {
  readonly document: DocumentNode;
  /** Digest or text of the document. */
  readonly documentKey: string;
  readonly operation: OperationDefinitionNode;
  /** Coerced. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Keeps plans of one schema version. Of the variables only the booleans of @skip and @include are part of a plan. */
export class PlanCache {
  readonly #plans: LRUCache<string, CachedPlan>;
  /** What of an operation its plan's key is made of. */
  readonly #keys = new WeakMap<OperationDefinitionNode, PlanKey>();
  readonly #schema: GraphQLSchema;
  readonly #model: Model;
  readonly #limits: ApiLimits;

  constructor(options: {
    readonly schema: GraphQLSchema;
    readonly model: Model;
    readonly limits: ApiLimits;
  }) {
    this.#plans = new LRUCache({ max: options.limits.cachedPlans });
    this.#limits = options.limits;
    this.#schema = options.schema;
    this.#model = options.model;
  }

  /** The plan of an operation, made when it is not there. */
  get(request: Operation): CachedPlan {
    const { operation, variables } = request;
    const { text, switches } = this.#keyOf(request);
    const key = switches.reduce((all, name) => `${all} ${name}=${String(variables[name])}`, text);
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const context = {
      schema: this.#schema,
      model: this.#model,
      fragments: fragmentsOf(request.document),
      variables,
      budget: planningBudget(this.#limits),
    };
    const plan = planOperation(context, operation);
    checkRoots(plan.roots.length, this.#limits);
    const made: CachedPlan = {
      plan,
      statements: new LRUCache({ max: 50 }),
    };
    this.#plans.set(key, made);
    return made;
  }

  #keyOf({ document, documentKey, operation }: Operation): PlanKey {
    const known = this.#keys.get(operation);
    if (known !== undefined) return known;
    const names = new Set<string>();
    visit(document, {
      Directive(node) {
        if (node.name.value !== "skip" && node.name.value !== "include") return;
        for (const { value } of node.arguments ?? [])
          if (value.kind === Kind.VARIABLE) names.add(value.name.value);
      },
    });
    const text = JSON.stringify([documentKey, operation.name?.value ?? null]);
    const key = { text, switches: [...names].sort() };
    this.#keys.set(operation, key);
    return key;
  }
}

interface PlanKey {
  readonly text: string;
  /** Names of the variables that @skip and @include depend on. */
  readonly switches: readonly string[];
}

/** @throws {LIMIT_EXCEEDED} when an operation has too many root fields. */
export function checkRoots(roots: number, limits: ApiLimits): void {
  if (roots > limits.maxRootFields)
    throw beyondLimit(`The operation has ${roots} root fields`, "maxRootFields", limits);
}

/** The fragments of a document by name. */
export function fragmentsOf(document: DocumentNode): Readonly<Record<string, FragmentDefinitionNode>> {
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return Object.fromEntries(fragments.map((fragment) => [fragment.name.value, fragment]));
}
