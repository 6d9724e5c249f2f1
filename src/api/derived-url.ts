/** The URL of what a codec makes of an object when it is read. Nothing is read for it: the arguments are settled, and signed. */

import type { JsonObject } from "../codec/contract.ts";
import { derivedOf } from "../codec/derived.ts";
import { ServiceError } from "../errors.ts";
import { dataPath } from "../object/data-path.ts";
import type { CodecTask, ReadContext } from "./complete-codec.ts";
import { fileName, secondsOf } from "./value-url.ts";

/** @throws {BAD_USER_INPUT} for arguments that the codec refuses, and for a value that is no object in a store. */
export function derivedUrl(
  context: ReadContext,
  { stored, plan, entity }: CodecTask,
  { name, given }: { readonly name: string; readonly given: Readonly<Record<string, unknown>> },
): string {
  const { expiresIn, ...wish } = given;
  const expiresInSeconds = secondsOf(expiresIn);
  const { object } = stored;
  if (object === null || object === undefined) {
    throw new ServiceError(
      "BAD_USER_INPUT",
      `${plan.field}: no URL of its ${name} can be given, as it is no object in a store.`,
      {
        details: { field: plan.field, remedy: "Keep such values in a store." },
      },
    );
  }
  const derived = derivedOf(context.registry.get(plan.use.name), name);
  const args = derived.settle(wish);
  const { locator, gen, sha256, size, tree: isTree } = object;
  const filename = `${stemOf(fileName({ stored, plan }, undefined))}-${name}${derived.ext(args)}`;
  const capability = context.objects.capabilities.sign(
    {
      kind: "derived",
      ...{ locator, gen, isTree, name, args, filename },
      ...{ codec: plan.use.name, codecArgs: plan.use.args as JsonObject },
      ...(sha256 === null ? {} : { sha256 }),
      ...(size === null || isTree ? {} : { sizeBytes: size }),
    },
    { expiresInSeconds },
  );
  const readable = [entity.name, ...(stored.key ?? [])];
  return (context.urls.origin ?? context.baseUrl) + dataPath(capability, filename, { readable });
}

function stemOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(0, dot) : name;
}
