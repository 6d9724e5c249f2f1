/** The fields of one codec value that the statement could not tell, as tasks; and their reading. */

import { fieldOf, readField } from "../codec/chain.ts";
import type { JsonObject, StoredValue } from "../codec/contract.ts";
import { openStored } from "../codec/open-stored.ts";
import type { CodecRegistry } from "../codec/registry.ts";
import { sharedValue } from "../codec/shared-value.ts";
import { ServiceError } from "../errors.ts";
import type { Entity } from "../model/model.ts";
import type { Capabilities, ObjectReaderFactory } from "../object/contract.ts";
import type { CodecPart, CodecPlan, ShapeField } from "../plan/plan.ts";
import { type AnswerFaults, type Slot, slotIn } from "./answer-slot.ts";
import { derivedUrl } from "./derived-url.ts";
import { type UrlPlaces, valueUrl } from "./value-url.ts";

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

/** A value while its fields are read; the last one lets go of it. */
interface Held {
  left: number;
  value?: StoredValue | undefined;
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
  /** Present where several fields of the value are read. */
  readonly held?: Held;
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
  const tasks = plan.selection.flatMap((part): CodecTask[] => {
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
  // Nothing of such a value can be told: one error says it for all.
  if (plan.use.unloaded === true) return tasks.slice(0, 1);
  if (tasks.length < 2) return tasks;
  const held: Held = { left: tasks.length };
  return tasks.map((task) => ({ ...task, held }));
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
  readonly urls: UrlPlaces;
  readonly inlineLimitBytes: number;
  readonly arguments: readonly Readonly<Record<string, unknown>>[];
  readonly signal?: AbortSignal | undefined;
  /** Whether large values may be told as JSON that is already written; see `answer-text.ts`. */
  readonly asJson?: boolean;
}

/** The value of the task's field, which is asked for once. */
export async function readTask(context: ReadContext, task: CodecTask): Promise<unknown> {
  try {
    return await read(context, task);
  } finally {
    release(task);
  }
}

function openedOf(context: ReadContext, { plan, stored, held }: CodecTask): StoredValue {
  if (held === undefined) return openStored(context, plan.use, stored);
  held.value ??= sharedValue(openStored(context, plan.use, stored));
  return held.value;
}

function release({ held }: CodecTask): void {
  if (held === undefined) return;
  held.left -= 1;
  if (held.left === 0) held.value = undefined;
}

async function read(context: ReadContext, task: CodecTask): Promise<unknown> {
  const { part, plan } = task;
  if (task.known !== undefined) return shaped(task.known.value, part.shape);
  const unavailable = context.registry.unavailable(plan.use.name);
  if (unavailable !== undefined) {
    const details = { ...unavailable.details, field: plan.field };
    throw new ServiceError("CODEC_UNAVAILABLE", `Field ${plan.field}: ${unavailable.message}`, { details });
  }
  const given = context.arguments[part.at] ?? {};
  const derived = fieldOf(context.registry, plan.use, part.name)?.field.derived;
  if (derived !== undefined) return derivedUrl(context, task, { name: derived, given });
  const value = openedOf(context, task);
  if (part.name === "url") return valueUrl(context, task, { value, given });
  const answer = await readField(context.registry, plan.use, {
    name: part.name,
    value,
    args: given,
    asJson: context.asJson === true && part.shape === undefined,
    context: { field: plan.field, inlineLimitBytes: context.inlineLimitBytes, signal: context.signal },
  });
  if (answer === null && !part.nullable) {
    throw new ServiceError("CODEC_CORRUPT", `${plan.field}: the stored value tells no ${part.name}.`, {
      details: { field: plan.field },
    });
  }
  return shaped(answer, part.shape);
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
