/** Where the compiled read side meets the fields that an extension answers; `src/api/extend` does it. */

import type { FragmentDefinitionNode } from "graphql";
import type { Plan } from "../plan/plan.ts";
import type { Walk } from "./completion.ts";
import type { Operation } from "./plan-cache.ts";
import type { ResolvedArguments } from "./resolve-arguments.ts";
import type { WriteContext } from "./write/contract.ts";

/** A query's answer, compiled and completed but for what the extension adds. */
export interface UserQuery {
  readonly plan: Plan;
  readonly data: Record<string, unknown>;
  readonly resolved: ResolvedArguments;
  readonly request: Operation;
  readonly context: WriteContext;
}

/** What selections below the added fields are read with. */
export interface UserRequest {
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: WriteContext;
}

/** Puts the values of added fields into answers. Errors go to the walk's faults; only an abort of the caller is thrown. */
export interface UserAnswers {
  /** The root fields of the plan and the fields of rows that the walk has found. */
  answer(walk: Walk, query: UserQuery): Promise<void>;
  /** The fields of rows that the walk has found. */
  rows(walk: Walk, resolved: ResolvedArguments, request: UserRequest): Promise<void>;
}
