/** Jobs as the API shows them. */

import { readField } from "../../codec/chain.ts";
import { encodeChain } from "../../codec/encode-chain.ts";
import { openStored } from "../../codec/open-stored.ts";
import type { CodecRegistry } from "../../codec/registry.ts";
import { ServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import type { ObjectReaderFactory } from "../../object/contract.ts";
import type { ToldJob } from "../../sql/job/row.ts";
import type { JobSubject } from "../../sql/job/subject.ts";
import { defaultApiLimits } from "../limits.ts";
import { jobId } from "./job-id.ts";

/** What showing stands on. */
export interface ShowContext {
  readonly model: Model;
  readonly codecs: CodecRegistry;
  readonly objects: { readonly reader: ObjectReaderFactory };
  readonly inlineLimitBytes?: number;
}

/** The codec of `error_stack`, which is a packed text. */
const stackCodec = { name: "blob" };

/** The value of type Job. `how.reserved`: its id names the reservation; `how.stack`: the stack is asked for. */
export async function jobValue(
  context: ShowContext,
  { subject, told }: { readonly subject: JobSubject; readonly told: ToldJob },
  how: { readonly reserved?: boolean; readonly stack?: boolean } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { texts, token, stack, due: _, ...shown } = told;
  const start = Date.parse(told.reservedTime ?? "");
  const reservation = how.reserved === true ? { reservation: { token, start } } : {};
  return {
    ...shown,
    id: jobId({ subject, texts, ...reservation }),
    table: subject.entity.name,
    input: inputOf(context.model, subject, told.key),
    durationSeconds: Number.isFinite(told.durationSeconds) ? told.durationSeconds : null,
    errorStack: how.stack === true && stack !== null ? await stackOf(context, stack) : null,
  };
}

/** The references of a create input that the key is made of. */
function inputOf(model: Model, { entity, parents }: JobSubject, key: ToldJob["key"]): object {
  const own = new Map(entity.columns.map((column) => [column.name, column.field]));
  const references = parents.map(({ field, target, columns }) => {
    const others = new Map(model.entity.get(target)?.columns.map((column) => [column.name, column.field]));
    const fields = columns.map((pair) => [
      others.get(pair.target) ?? pair.target,
      key[own.get(pair.column) ?? ""],
    ]);
    return [field, { key: Object.fromEntries(fields) }];
  });
  return Object.fromEntries(references);
}

/** What others have written there may be anything. */
function stackOf(
  { codecs, objects, inlineLimitBytes = defaultApiLimits.inlineLimitBytes }: ShowContext,
  base64: string,
): Promise<unknown> {
  const value = openStored({ registry: codecs, objects }, stackCodec, { base64 });
  const context = { field: "errorStack", inlineLimitBytes };
  return readField(codecs, stackCodec, { name: "json", args: {}, value, context });
}

/** A stack as the peer packs it. */
export async function packedStack(codecs: CodecRegistry, stack: string): Promise<Uint8Array> {
  const context = { schema: "", table: "", field: "stack" };
  const { body } = await encodeChain(codecs, stackCodec, { input: { json: stack }, context });
  if (body instanceof Uint8Array) return body;
  throw new ServiceError("INTERNAL_SERVER_ERROR", "The codec blob packs in pieces.");
}
