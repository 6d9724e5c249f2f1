/** What answering for an extension stands on. */

import type { Database } from "../../db/contract.ts";
import type { ExtensionLog, InnerApi } from "../../extend/contract.ts";
import type { ReadServices } from "../execute-query.ts";
import type { Inside, WriteContext } from "../write/contract.ts";
import { createLane, type Lane } from "./lane.ts";
import type { UserSchema } from "./user-schema.ts";

/** Made once for each schema version. */
export interface UserServices extends Omit<ReadServices, "db" | "users"> {
  readonly user: UserSchema;
  readonly db: Database;
  readonly log: ExtensionLog;
  /** Takes work that goes on when its request is answered, so that the end of the API can wait for it. */
  later(work: Promise<void>): void;
  /** Runs operations of the extension's own; those of one lane one after the other. */
  inner(context: WriteContext, lane: Lane | undefined): InnerApi;
}

/** Where functions of the extension run. */
export interface UserScope {
  readonly context: WriteContext;
  /** In mutations: the request's transaction, and who is told of what is written inside. */
  readonly lane?: Lane | undefined;
  readonly written?: Inside["written"] | undefined;
}

/** The scope of a request's own functions: that of the operation around, where there is one. */
export function scopeOf(context: WriteContext): UserScope {
  const { transaction, written } = context.inside ?? {};
  return { context, lane: transaction === undefined ? undefined : createLane(transaction), written };
}
