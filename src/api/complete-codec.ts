/** The fields of one codec value that the statement could not tell, as tasks; and their reading. */

import { addressingOf, contentOf, readField } from "../codec/chain.ts";
import type { JsonObject, StoredValue } from "../codec/contract.ts";
import { readerOf } from "../codec/memory-reader.ts";
import type { CodecRegistry } from "../codec/registry.ts";
import { ServiceError } from "../errors.ts";
import type { CodecUse, Entity } from "../model/model.ts";
import type { Capabilities, CapabilitySubject, ObjectReaderFactory } from "../object/contract.ts";
import { dataPath } from "../object/data-path.ts";
import type { CodecPart, CodecPlan, ShapeField } from "../plan/plan.ts";
import { type AnswerFaults, type Slot, slotIn } from "./answer-slot.ts";

/** What the statement left of a stored value; see `src/sql/select-codec.ts`. */
export interface Stored {
  readonly meta?: JsonObject;
  readonly base64?: string;
  readonly size?: number;
  /** The row's key, as text. */
  readonly key?: readonly string[];
  readonly object?: {
    readonly locator: string;
    readonly gen: string;
    readonly tree: boolean;
    readonly sha256: string | null;
    readonly size: number | null;
  } | null;
}

/** One field of one codec value, to be read. */
export interface CodecTask {
  readonly slot: Slot;
  /** Slot of the codec value itself. */
  readonly whole: Slot;
  /** Where a fault of this field goes. */
  readonly faults: AnswerFaults;
  readonly entity: Entity;
  readonly plan: CodecPlan;
  readonly part: CodecPart & { readonly kind: "part" };
  readonly stored: Stored;
  /** Present where SQL has told the value and only its selection is left. */
  readonly known?: { readonly value: unknown };
}

/** The tasks of one codec value. */
export function codecTasks(at: {
  readonly entity: Entity;
  readonly slot: Slot;
  readonly plan: CodecPlan;
  readonly value: Record<string, unknown>;
  readonly stored: unknown;
  readonly faults: AnswerFaults;
}): readonly CodecTask[] {
  const { entity, slot: whole, plan, value, faults } = at;
  if (entity.columns.find(({ name }) => name === plan.column)?.type.graphql === "Opaque") return [];
  return plan.selection.flatMap((part): CodecTask[] => {
    if (part.kind !== "part") return [];
    const told = value[part.key];
    const slot = slotIn(value, part.key, { nullable: part.nullable, parent: whole });
    const unread = unreadOf(told);
    // The statement wrote both in this form.
    const stored = (unread ?? at.stored ?? {}) as Stored;
    const task = { slot, whole, faults, entity, plan, part, stored };
    if (unread === undefined && told !== null)
      return part.shape === undefined ? [] : [{ ...task, known: { value: told } }];
    return unread === undefined && at.stored === undefined ? [] : [task];
  });
}

function unreadOf(told: unknown): unknown {
  const isMark = told !== null && typeof told === "object" && !Array.isArray(told) && Object.hasOwn(told, "");
  return isMark ? Object.values(told)[0] : undefined;
}

/** What reading stored values stands on. */
export interface ReadContext {
  readonly registry: CodecRegistry;
  readonly objects: { readonly reader: ObjectReaderFactory; readonly capabilities: Capabilities };
  readonly baseUrl: string;
  readonly inlineLimitBytes: number;
  readonly arguments: readonly Readonly<Record<string, unknown>>[];
  readonly signal?: AbortSignal | undefined;
}

/** The value of the task's field. */
export async function readTask(context: ReadContext, task: CodecTask): Promise<unknown> {
  const { part, plan } = task;
  if (task.known !== undefined) return shaped(task.known.value, part.shape);
  if (context.registry.find(plan.use.name) === undefined) {
    throw new ServiceError(
      "CODEC_UNAVAILABLE",
      `${plan.field} was written by the codec "${plan.use.name}", which is not loaded.`,
      {
        details: {
          field: plan.field,
          remedy: "Put the codec's file into the codecs folder and start again.",
        },
      },
    );
  }
  const value = openStored(context, plan.use, task.stored);
  const given = context.arguments[part.at] ?? {};
  if (part.name === "url") return dataUrl(context, task, { value, expiresIn: given["expiresIn"] });
  const answer = await readField(context.registry, plan.use, {
    name: part.name,
    value,
    args: given,
    context: { field: plan.field, inlineLimitBytes: context.inlineLimitBytes, signal: context.signal },
  });
  if (answer === null && !part.nullable) {
    throw new ServiceError("CODEC_CORRUPT", `${plan.field}: the stored value tells no ${part.name}.`, {
      details: { field: plan.field },
    });
  }
  return shaped(answer, part.shape);
}

/** Access to a value, in the row or in its store. */
export function openStored(
  context: Pick<ReadContext, "objects" | "registry">,
  use: CodecUse,
  { meta, base64 }: Stored,
): StoredValue {
  if (use.store === undefined) {
    return {
      meta,
      bytes: async () => readerOf(Buffer.from(base64 ?? "", "base64")),
      tree: async () => {
        throw new ServiceError("CODEC_INVALID_VALUE", "A value in the row is no folder.");
      },
    };
  }
  const path = meta?.["path"];
  const store = meta?.["store"];
  if (typeof path !== "string") {
    throw new ServiceError("CODEC_CORRUPT", "The row's JSON names no path, so the object cannot be found.");
  }
  const name = typeof store === "string" && store !== "" ? store : use.store;
  const isTree = meta?.["is_dir"] === true;
  const opened = context.objects.reader.open({
    store: name,
    path,
    isTree,
    ...(isTree ? {} : recordedSize(context, use, meta)),
  });
  const head = opened.head === undefined ? {} : { head: () => opened.head?.() ?? Promise.resolve(undefined) };
  return { meta, bytes: () => opened.bytes(), tree: () => opened.tree(), ...head };
}

/** What an object must still have; users may change their own files. */
function recordedSize(
  { registry }: Pick<ReadContext, "registry">,
  use: CodecUse,
  meta: JsonObject | undefined,
): { readonly sizeBytes?: number } {
  const size = meta?.["size"];
  return typeof size === "number" && addressingOf(registry, use) !== "external" ? { sizeBytes: size } : {};
}

const longestSeconds = 7 * 24 * 3600;

async function dataUrl(
  context: ReadContext,
  task: CodecTask,
  { value, expiresIn }: { readonly value: StoredValue; readonly expiresIn: unknown },
): Promise<string> {
  const seconds = typeof expiresIn === "number" ? expiresIn : 3600;
  if (seconds < 1 || seconds > longestSeconds) {
    throw new ServiceError(
      "BAD_USER_INPUT",
      `expiresIn is ${seconds}; give 1 to ${longestSeconds} seconds (7 days).`,
      {
        details: { field: "expiresIn", limit: longestSeconds },
      },
    );
  }
  const { stored, plan, entity } = task;
  // Of what a peer wrote the database knows no more than the row tells.
  const isTree = stored.object?.tree === true || stored.meta?.["is_dir"] === true;
  const content = isTree ? { start: 0 } : await contentOf(context.registry, plan.use, value);
  const subject = subjectOf(task, { isTree, skip: content.start });
  const capability = context.objects.capabilities.sign(subject, { expiresInSeconds: seconds });
  const readable = [entity.name, ...(stored.key ?? [])];
  return context.baseUrl + dataPath(capability, fileName(task, content.filename), { isTree, readable });
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
function fileName({ stored, plan }: CodecTask, found: string | undefined): string {
  const { meta } = stored;
  const named = found ?? meta?.["name"];
  if (typeof named === "string" && named !== "") return named;
  const path = typeof meta?.["path"] === "string" ? meta["path"] : "";
  const last = path.slice(path.lastIndexOf("/") + 1);
  const dot = last.indexOf(".", 1);
  const extension = typeof meta?.["ext"] === "string" ? meta["ext"] : dot > 0 ? last.slice(dot) : "";
  return `${plan.field.slice(plan.field.indexOf(".") + 1)}${extension}`;
}

/** The selected fields of a plain object, or of each object of a list. */
function shaped(value: unknown, shape: readonly ShapeField[] | undefined): unknown {
  if (shape === undefined || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => shaped(item, shape));
  const found: Readonly<Record<string, unknown>> = { ...value };
  return Object.fromEntries(
    shape.map((field) =>
      field.kind === "typename"
        ? [field.key, field.type]
        : [field.key, shaped(Object.hasOwn(found, field.name) ? found[field.name] : null, field.shape)],
    ),
  );
}
