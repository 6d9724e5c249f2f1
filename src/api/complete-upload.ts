/** The query field `upload`: what the object side tells of uploads, in the shape of the selection. */

import { type GraphQLSchema, getArgumentValues } from "graphql";
import type { Capabilities, Uploads } from "../object/contract.ts";
import type { Plan } from "../plan/plan.ts";
import { putAt, slotIn } from "./answer-slot.ts";
import type { Walk } from "./completion.ts";
import { fragmentsOf, type Operation } from "./plan-cache.ts";
import type { WriteContext } from "./write/contract.ts";
import { tellUpload, uploadValue } from "./write/request-upload.ts";
import { shapeValue } from "./write/selection.ts";

interface Asked {
  readonly plan: Plan;
  readonly data: Record<string, unknown>;
  readonly request: Operation;
  readonly context: WriteContext;
}

interface Services {
  readonly schema: GraphQLSchema;
  readonly objects: { readonly uploads: Uploads; readonly capabilities: Capabilities };
}

/** Answers the uploads that a query asks for. Errors become errors of their fields; only an abort of the caller is thrown. */
export async function completeUploads(
  walk: Walk,
  { plan, data, request, context }: Asked,
  { schema, objects }: Services,
): Promise<void> {
  const definition = schema.getQueryType()?.getFields()["upload"];
  for (const root of plan.roots) {
    if (root.kind !== "upload" || definition === undefined) continue;
    const slot = slotIn(data, root.key, { nullable: true, parent: undefined });
    const { nodes } = root;
    try {
      const args = getArgumentValues(definition, nodes[0], request.variables);
      const asked = {
        id: String(args["id"]),
        path: typeof args["path"] === "string" ? args["path"] : undefined,
      };
      const told = await tellUpload(objects, asked, context);
      const value = told === null ? null : uploadValue(told);
      const shape = { schema, fragments: fragmentsOf(request.document), variables: request.variables };
      putAt(slot, shapeValue(shape, { value, type: definition.type, nodes }));
    } catch (error) {
      if (context.signal?.aborted === true) throw error;
      walk.faults.add(slot, error);
    }
  }
}
