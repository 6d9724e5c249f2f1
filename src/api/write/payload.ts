/** Payloads in the shape of their selection. */

import { GraphQLError } from "graphql";
import type { ReadBackAnswer } from "./contract.ts";
import { shapeValue } from "./selection.ts";
import { payloadFields, rowFieldName } from "./show-rows.ts";
import type { FieldResult, WriteScope } from "./write-plan.ts";

/** A field's value; null when a part that may not be null could not be read, although the write is committed. */
export interface ShapedPayload {
  readonly value: unknown;
  readonly errors: readonly GraphQLError[];
}

/** Finishes what was read back, and puts the payload together. */
export async function shapePayload(scope: WriteScope, result: FieldResult): Promise<ShapedPayload> {
  const { request, field } = scope;
  const { type } = field.definition;
  if (result.kind === "plain")
    return { value: shapeValue(request, { value: result.value, type, nodes: field.nodes }), errors: [] };
  if (result.kind === "user") {
    const { rows, errors } = await result.finish();
    return { value: rows[0] ?? null, errors: errors.map(committed) };
  }
  const { count, skipped, affected } = result;
  const plain = shapeValue(request, { value: { count, skipped, affected }, type, nodes: field.nodes });
  // The shape of an object is an object.
  const value = plain as Record<string, unknown>;
  const errors: GraphQLError[] = [];
  let isLost = false;
  for (const [name, nodes] of payloadFields(scope)) {
    if (nodes[0].name.value !== rowFieldName(result.entity, result.many)) continue;
    const answer = await finish(result.rows.get(name));
    errors.push(...answer.errors.map(committed));
    value[name] = result.many ? answer.rows : (answer.rows[0] ?? null);
    isLost ||= result.many && answer.rows.some((row) => row === null);
  }
  return { value: isLost ? null : value, errors };
}

async function finish(read: (() => Promise<ReadBackAnswer>) | undefined): Promise<ReadBackAnswer> {
  return read === undefined ? { rows: [], errors: [] } : read();
}

/** Reading failed, writing did not: the caller must not send the write again. */
function committed(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes === undefined ? {} : { nodes: error.nodes }),
    ...(error.path === undefined ? {} : { path: error.path }),
    originalError: error.originalError ?? error,
    extensions: { ...error.extensions, committed: true },
  });
}
