/** A converted value at its place: in its store, read back and compared, or ready for the row. */

import { addressingOf, inspectChain, metadataOf } from "../codec/chain.ts";
import type { JsonObject, StoredObject, StoredValue } from "../codec/contract.ts";
import { readerOf } from "../codec/memory-reader.ts";
import { openStored } from "../codec/open-stored.ts";
import { ServiceError } from "../errors.ts";
import type { StagedObject, StageRequest } from "../object/contract.ts";
import type { MigrateServices } from "./contract.ts";
import { type Conversion, type ConvertContext, type Converted, convert, sumOf } from "./conversion.ts";

/** What the row will have. */
export type Placed =
  | { readonly kind: "row"; readonly bytes: Uint8Array }
  | { readonly kind: "json"; readonly json: JsonObject }
  /** Verified, and not yet published; the row's JSON is told when it is. */
  | { readonly kind: "store"; readonly staged: StagedObject; jsonOf(object: StoredObject): JsonObject };

/** Where a value goes. */
export interface Place extends ConvertContext {
  /** Stored name of the column, and the row's key as paths spell it. */
  readonly column: string;
  readonly key: StageRequest["key"];
}

/**
 * Converts a value, puts it where it belongs, reads it back, and compares it with what it was made of.
 * @throws {CODEC_INVALID_VALUE} when the new codec cannot keep it, {OBJECT_CORRUPT} when what came back is another.
 */
export async function place(
  services: MigrateServices,
  conversion: Conversion,
  at: { readonly value: StoredValue; readonly place: Place },
): Promise<Placed> {
  const { codecs } = services;
  const { value, place: context } = at;
  const converted = await convert(codecs, conversion, { value, context });
  const placed = await put(services, conversion, converted, context);
  const written = valueAt(services, conversion, placed);
  const [was, is] = await Promise.all([
    converted.sum() ?? sumOf(codecs, conversion, { use: conversion.from, value, context }),
    sumOf(codecs, conversion, { use: conversion.to, value: written, context }),
  ]);
  if (was === is) return placed;
  throw new ServiceError("OBJECT_CORRUPT", `${context.field}: what was written is not what was read.`, {
    details: {
      field: context.field,
      remedy: "Nothing was changed. Check the store: holdfast stores verify.",
    },
  });
}

async function put(
  services: MigrateServices,
  { to }: Conversion,
  converted: Converted,
  place: Place,
): Promise<Placed> {
  const { codecs, objects } = services;
  const addressing = addressingOf(codecs, to);
  if (addressing === undefined) {
    const bytes = await collected(converted.body);
    const { meta } = converted;
    if (Object.keys(meta).length > 0 && bytes.length === 0) return { kind: "json", json: meta };
    const value: StoredValue = { meta: undefined, bytes: async () => readerOf(bytes), tree: noFolder };
    if (converted.isUpload) await inspect(services, to, { value, converted, place });
    return { kind: "row", bytes };
  }
  if (addressing === "external")
    throw new ServiceError("INTERNAL_SERVER_ERROR", "Files of users are not written.");
  const { schema, table, column, key, signal } = place;
  const request: StageRequest = {
    ...{ store: to.store ?? "", addressing, schema, table, column, key, signal },
    ...(converted.ext === undefined ? {} : { ext: converted.ext }),
    principal: "migration",
  };
  const staged = await objects.writer.stage(request, converted.files ?? converted.body);
  const meta = converted.isUpload
    ? await inspect(services, to, { value: opened(services, staged.object), converted, place })
    : converted.meta;
  return { kind: "store", staged, jsonOf: (object) => metadataOf(codecs, to, { object, meta }) };
}

async function inspect(
  { codecs }: MigrateServices,
  to: Conversion["to"],
  at: { readonly value: StoredValue; readonly converted: Converted; readonly place: Place },
): Promise<JsonObject> {
  const upload = { filename: at.converted.filename, value: at.value };
  return (await inspectChain(codecs, to, { upload, context: at.place })) ?? {};
}

/** The value as it was written. */
function valueAt(services: MigrateServices, { to }: Conversion, placed: Placed): StoredValue {
  const context = { registry: services.codecs, objects: services.objects };
  switch (placed.kind) {
    case "row":
      return { meta: undefined, bytes: async () => readerOf(placed.bytes), tree: noFolder };
    case "json":
      return { meta: placed.json, bytes: noBytes, tree: noFolder };
    case "store":
      return openStored(context, to, { meta: placed.jsonOf(placed.staged.object) });
  }
}

function opened({ objects }: MigrateServices, { store, path, isTree, sizeBytes }: StoredObject): StoredValue {
  return objects.reader.open({ store, path, isTree, ...(isTree ? {} : { sizeBytes }) });
}

async function noFolder(): Promise<never> {
  throw new ServiceError("CODEC_INVALID_VALUE", "A value in the row is no folder.");
}

async function noBytes(): Promise<never> {
  throw new ServiceError("CODEC_INVALID_VALUE", "A value that is JSON has no bytes.");
}

async function collected(body: Converted["body"]): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
