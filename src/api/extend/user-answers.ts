/** The fields of an extension in queries and payloads. */

import { isNonNullType } from "graphql";
import { slotIn } from "../answer-slot.ts";
import type { Walk } from "../completion.ts";
import { fragmentsOf } from "../plan-cache.ts";
import type { UserAnswers, UserQuery } from "../user-answers.ts";
import { Answering, type UserRoot } from "./answering.ts";
import { scopeOf, type UserServices } from "./services.ts";

/** Makes the read side of an extension. */
export function createUserAnswers(services: UserServices): UserAnswers {
  return {
    answer: async (walk, query) => {
      const { request, context, resolved } = query;
      const roots = rootsOf(services, query);
      if (roots.length === 0 && walk.users.length === 0) return;
      const asked = { fragments: fragmentsOf(request.document), variables: request.variables, context };
      const answering = new Answering(services, { request: asked, scope: scopeOf(context), walk });
      await Promise.all([answering.rows(walk.users, resolved), ...roots.map((root) => answering.root(root))]);
      await answering.finish();
    },
    rows: async (walk: Walk, resolved, request) => {
      // Payloads are completed after the commit, whatever operation is around: see `read-back.ts`.
      const scope = scopeOf(request.context);
      const answering = new Answering(services, { request, scope, walk });
      try {
        await answering.rows(walk.users, resolved);
        await answering.finish();
      } catch (error) {
        request.context.signal?.throwIfAborted();
        for (const { slot } of walk.users) answering.fail(slot, error);
      }
    },
  };
}

function rootsOf({ schema }: UserServices, { plan, data, resolved }: UserQuery): readonly UserRoot[] {
  const fields = schema.getQueryType()?.getFields() ?? {};
  return plan.roots.flatMap((root): UserRoot[] => {
    if (root.kind !== "user") return [];
    const { key, field, nodes, at } = root;
    const type = fields[field.slice("Query.".length)]?.type;
    const nullable = type === undefined || !isNonNullType(type);
    return [
      { slot: slotIn(data, key, { nullable, parent: undefined }), field, nodes, args: resolved[at] ?? {} },
    ];
  });
}
