/** `url` of a stored value: a signed URL of ours or, on request, of the store itself. */

import { addressingOf, contentOf } from "../codec/chain.ts";
import type { StoredValue } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import { attachmentHeader } from "../object/attachment-header.ts";
import type { CapabilitySubject } from "../object/contract.ts";
import { dataPath } from "../object/data-path.ts";
import { parseLocator } from "../object/locator.ts";
import { refuseOwnedSection } from "../object/owned-section.ts";
import type { Store, Stores } from "../store/contract.ts";
import type { CodecTask, ReadContext } from "./complete-codec.ts";

/** Where URLs of values lead. */
export interface UrlPlaces {
  /** How they begin; `undefined`: as the request did. */
  readonly origin: string | undefined;
  readonly stores: Stores;
}

/** A value and the arguments of its `url`. */
interface UrlRequest {
  readonly value: StoredValue;
  readonly given: Readonly<Record<string, unknown>>;
}

const longestSeconds = 7 * 24 * 3600;
/** A URL of the store cannot be revoked, so it is short-lived whatever was asked for. */
const longestDirectSeconds = 300;

/** @throws {BAD_USER_INPUT} for a lifetime that is not possible, or a value that no store can give as it is. */
export async function valueUrl(context: ReadContext, task: CodecTask, request: UrlRequest): Promise<string> {
  const { value, given } = request;
  const seconds = secondsOf(given["expiresIn"]);
  const { stored, plan, entity } = task;
  // Of what a peer wrote the database knows no more than the row tells.
  const isTree = stored.object?.tree === true || stored.meta?.["is_dir"] === true;
  const content = isTree ? { start: 0 } : await contentOf(context.registry, plan.use, value);
  const name = fileName(task, content.filename);
  if (given["direct"] === true)
    return await directUrl(context, task, { seconds, name, isTree, skip: content.start });
  const subject = subjectOf(task, { isTree, skip: content.start });
  const capability = context.objects.capabilities.sign(subject, { expiresInSeconds: seconds });
  const readable = [entity.name, ...(stored.key ?? [])];
  const origin = context.urls.origin ?? context.baseUrl;
  return origin + dataPath(capability, name, { isTree, readable });
}

/** @throws {BAD_USER_INPUT} for a lifetime that is not possible. */
export function secondsOf(expiresIn: unknown): number {
  const seconds = typeof expiresIn === "number" ? expiresIn : 3600;
  if (seconds >= 1 && seconds <= longestSeconds) return seconds;
  throw new ServiceError(
    "BAD_USER_INPUT",
    `expiresIn is ${seconds}; give 1 to ${longestSeconds} seconds (7 days).`,
    { details: { field: "expiresIn", limit: longestSeconds } },
  );
}

interface DirectRequest {
  readonly seconds: number;
  readonly name: string;
  readonly isTree: boolean;
  readonly skip: number;
}

/** One GET of one key, under the name that our own URL would give it. */
async function directUrl(context: ReadContext, task: CodecTask, request: DirectRequest): Promise<string> {
  const { seconds, name, isTree, skip } = request;
  const { field } = task.plan;
  if (isTree) throw notDirect(field, "is a folder, and a URL of a store is of one file");
  const place = placeOf(context, task);
  if (place === undefined) throw notDirect(field, "is kept in the row");
  if (skip > 0) throw notDirect(field, "begins with its file name in the store");
  const { store, path } = place;
  const { driver, config } = store;
  if (addressingOf(context.registry, task.plan.use) === "external") refuseOwnedSection(path, config);
  if (driver.presign === undefined)
    throw notDirect(field, `is in the store ${config.name}, whose driver (${driver.protocol}) has no URLs`);
  const expiresInSeconds = Math.min(seconds, longestDirectSeconds);
  return await driver.presign(path, { expiresInSeconds, disposition: attachmentHeader(name) });
}

/** Where the bytes lie; `undefined` for those in the row. */
function placeOf(
  { urls }: ReadContext,
  { stored, plan }: CodecTask,
): { readonly store: Store; readonly path: string } | undefined {
  if (plan.use.store === undefined) return undefined;
  const known = stored.object === null || stored.object === undefined ? undefined : stored.object.locator;
  const parsed = known === undefined ? undefined : parseLocator(known);
  if (parsed !== undefined) return { store: urls.stores.get(parsed.store), path: parsed.path };
  const { path, store } = { path: stored.meta?.["path"], store: stored.meta?.["store"] };
  if (typeof path !== "string")
    throw new ServiceError("CODEC_CORRUPT", `${plan.field}: the row's JSON names no path.`);
  const name = typeof store === "string" && store !== "" ? store : plan.use.store;
  return { store: urls.stores.get(name), path };
}

function notDirect(field: string, why: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${field} has no direct URL: it ${why}.`, {
    details: {
      field: "direct",
      value: true,
      remedy: "Leave direct away: the service gives these bytes itself.",
    },
  });
}

function subjectOf(
  { stored, entity, plan }: CodecTask,
  { isTree, skip }: { readonly isTree: boolean; readonly skip: number },
): CapabilitySubject {
  const { object } = stored;
  if (object !== null && object !== undefined) {
    const { locator, gen, sha256, size } = object;
    const digest = sha256 === null ? {} : { sha256 };
    const whole = size === null || isTree ? {} : { sizeBytes: size };
    return { kind: "object", locator, gen, isTree, ...digest, ...whole, ...(skip === 0 ? {} : { skip }) };
  }
  const key = entity.key.map((name, index) => [name, stored.key?.[index] ?? ""] as const);
  return { kind: "field", schema: entity.schema, table: entity.table, column: plan.column, key };
}

/** The name that a download gets: the one stored, else the field's with the extension of what is stored. */
export function fileName(
  { stored, plan }: Pick<CodecTask, "stored" | "plan">,
  found: string | undefined,
): string {
  const { meta } = stored;
  const named = found ?? meta?.["name"];
  if (typeof named === "string" && named !== "") return named;
  const path = typeof meta?.["path"] === "string" ? meta["path"] : "";
  const last = path.slice(path.lastIndexOf("/") + 1);
  const dot = last.indexOf(".", 1);
  const extension = typeof meta?.["ext"] === "string" ? meta["ext"] : dot > 0 ? last.slice(dot) : "";
  return `${plan.field.slice(plan.field.indexOf(".") + 1)}${extension}`;
}
