/** Everything that serves an extension, put together for one schema version. */

import type { Database } from "../../db/contract.ts";
import type { ExtensionLog } from "../../extend/contract.ts";
import type { ReadServices } from "../execute-query.ts";
import type { UserAnswers } from "../user-answers.ts";
import type { WriteExtension } from "../write/extension.ts";
import { createBeforeHooks } from "./before-hooks.ts";
import { createInnerApi, type InnerParts } from "./inner-api.ts";
import type { UserServices } from "./services.ts";
import { createUserAnswers } from "./user-answers.ts";
import { planUserMutation } from "./user-mutation.ts";
import type { UserSchema } from "./user-schema.ts";
import { HookedAttempt } from "./write-attempt.ts";

/** What serves an extension. */
export interface Users {
  readonly answers: UserAnswers;
  readonly writes: WriteExtension;
  /** Resolves when what goes on behind answered requests is done. */
  idle(): Promise<void>;
}

/** Makes it. `parts` are asked for when the extension runs an operation: they are made with what is made here. */
export function createUsers(
  read: Omit<ReadServices, "db" | "users"> & { readonly db: Database },
  options: { readonly user: UserSchema; readonly log: ExtensionLog; parts(): InnerParts },
): Users {
  const { user, log, parts } = options;
  const running = new Set<Promise<void>>();
  const later = (work: Promise<void>): void => {
    running.add(work);
    // It catches its errors itself.
    void work.finally(() => running.delete(work));
  };
  const services: UserServices = { ...read, user, log, later, inner: createInnerApi(parts) };
  return {
    answers: createUserAnswers(services),
    writes: {
      ...createBeforeHooks(services),
      open: (request, transaction) => new HookedAttempt(services, request, transaction),
      plan: (scope, field) => planUserMutation(services, scope, field),
    },
    idle: async () => {
      await Promise.all(running);
    },
  };
}
