/** Mutation fields of an extension: in the request's transaction, in their turn. */

import { isNonNullType } from "graphql";
import { slotIn } from "../answer-slot.ts";
import { newWalk } from "../completion.ts";
import type { WriteAttempt } from "../write/extension.ts";
import type { RowPlan, WriteScope } from "../write/write-plan.ts";
import { Answering } from "./answering.ts";
import { createLane } from "./lane.ts";
import { scopeOf, type UserServices } from "./services.ts";

/** Plans a field. What its value leads to is read in the transaction, but for stored values and added fields, which come after the commit. */
export function planUserMutation(services: UserServices, scope: WriteScope, field: string): RowPlan {
  const { request, field: asked } = scope;
  const { responseName, nodes, args, definition } = asked;
  return {
    kind: "rows",
    pending: [],
    run: async (transaction, attempt?: WriteAttempt) => {
      const data: Record<string, unknown> = { [responseName]: null };
      const walk = newWalk(request.model);
      const nullable = !isNonNullType(definition.type);
      const slot = slotIn(data, responseName, { nullable, parent: undefined });
      const lane = createLane(transaction);
      const inside = { context: request.context, lane, written: attempt?.inside.written };
      const answering = new Answering(services, { request, scope: inside, walk });
      answering.put({ slot, field, nodes, args }, await answering.call({ field, args }));
      await answering.settle();
      const [fault] = walk.faults.errors;
      // A value that does not fit its type is found before the commit: then nothing is written.
      if (fault !== undefined) throw fault.originalError ?? fault;
      return {
        kind: "user",
        finish: async () => {
          answering.moveTo(scopeOf(request.context));
          try {
            await answering.finish();
          } catch (error) {
            request.context.signal?.throwIfAborted();
            answering.fail(slot, error);
          }
          const { isLost, errors } = walk.faults;
          return { rows: [isLost ? null : data[responseName]], errors };
        },
      };
    },
  };
}
