/** Values of codecs on their way into rows: encoded, staged in their stores before the transaction, published inside it. */

import { addressingOf, type ChainUse, chainOf, metadataOf } from "../../codec/chain.ts";
import type { JsonObject, StoredObject } from "../../codec/contract.ts";
import { encodeChain } from "../../codec/encode-chain.ts";
import type { Transaction } from "../../db/contract.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import type { StagedObject, StageRequest } from "../../object/contract.ts";
import { pathText } from "../../plan/path-text.ts";
import type { OperationRequest, WriteServices } from "./contract.ts";
import { forEachLimited } from "./for-each-limited.ts";
import { referValue } from "./refer-value.ts";
import { columnOf, hasKey, keyText, type PendingValue } from "./row-draft.ts";
import { uploadMeta } from "./upload-value.ts";
import { bodyKey, collectBody, jsonCell } from "./value-body.ts";

/** The values of one request. */
export interface Staging {
  /** Encodes values; bytes that belong in stores are put there and verified. May be called for several fields. */
  prepare(pending: readonly PendingValue[]): Promise<void>;
  /** Publishes objects in the order of their locators and fills the rows' cells. In the transaction, before the rows. */
  publish(transaction: Transaction): Promise<void>;
  /** After a try that was rolled back: stages anew what went away. */
  renew(): Promise<void>;
}

/** One object of the request, and the cells that will name it. */
interface Slot {
  readonly restage: () => Promise<StagedObject>;
  staged: StagedObject;
  isLost: boolean;
  readonly users: { readonly value: PendingValue; readonly meta: JsonObject }[];
}

/** Values that are encoded at the same time. */
const encodedAtOnce = 8;
/** Values that are on their way to their stores at the same time: many, since what is asked for one of them is asked for all that wait. */
const stagedAtOnce = 64;

/** An empty staging for `request`. */
export function createStaging(services: WriteServices, request: OperationRequest): Staging {
  const slots = new Map<string, Promise<Slot>>();
  const state = { services, request, slots };
  return {
    prepare: (pending) => prepareAll(state, pending),
    publish: (transaction) => publishAll(state, transaction),
    renew: () => renewLost(state),
  };
}

interface State {
  readonly services: WriteServices;
  readonly request: OperationRequest;
  /** Equal bytes for one place of a store are staged once. */
  readonly slots: Map<string, Promise<Slot>>;
}

/** Faults of a value name its place in the request. */
async function placed<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isServiceError(error)) throw error;
    const field = error.details.field?.startsWith(place) === true ? error.details.field : place;
    // The cause stays the first one: SQLSTATE is read from it.
    const { cause = error } = error;
    throw new ServiceError(error.code, error.message, { details: { ...error.details, field }, cause });
  }
}

/** A value that was found fit; its bytes still have to go to their store. */
interface Ready {
  readonly value: PendingValue;
  readonly stage: () => Promise<void>;
}

/** Every value is looked at before the first byte goes to a store, so that a request with a bad one leaves nothing there. */
async function prepareAll(state: State, pending: readonly PendingValue[]): Promise<void> {
  const ready: Ready[] = [];
  await forEachLimited(pending, encodedAtOnce, async (value) => {
    const stage = await placed(value.place, () => prepareValue(state, value));
    if (stage !== undefined) ready.push({ value, stage });
  });
  await forEachLimited(ready, stagedAtOnce, async ({ value, stage }) => {
    state.request.context.signal?.throwIfAborted();
    await placed(value.place, stage);
  });
}

/** Checks and encodes a value; one for a cell is done then, one for a store answers how to stage it. */
async function prepareValue(state: State, value: PendingValue): Promise<Ready["stage"] | undefined> {
  state.request.context.signal?.throwIfAborted();
  const use = codecUse(value);
  const { codecs } = state.services;
  const addressing = addressingOf(codecs, use);
  if (typeof value.input["upload"] === "string") return () => stageUploaded(state, value, addressing);
  if (addressing === "external") {
    const meta = await referValue(state.services, use, { value, signal: state.request.context.signal });
    value.row.cells.set(value.column.name, jsonCell(meta));
    return undefined;
  }
  const encoded = await encodeChain(codecs, use, { input: value.input, context: contextOf(state, value) });
  if (addressing === undefined) {
    const isJson = chainOf(codecs, use).ends === "json";
    const cell = isJson ? jsonCell(encoded.meta) : await collectBody(encoded.body);
    value.row.cells.set(value.column.name, cell);
    return undefined;
  }
  const target = stageRequest(state, value, { addressing, ext: encoded.ext });
  const body = encoded.files ?? encoded.body;
  const at = { key: bodyKey(target, body), user: { value, meta: encoded.meta } };
  return async () => {
    await addSlot(state, at, () => state.services.objects.writer.stage(target, body));
  };
}

function codecUse(value: PendingValue): ChainUse {
  const use = value.column.type.codec;
  if (use === undefined) throw new ServiceError("INTERNAL_SERVER_ERROR", `${value.place} has no codec.`);
  return use;
}

function contextOf(state: State, value: PendingValue) {
  const { entity } = value.row;
  return {
    schema: entity.schema,
    table: entity.table,
    field: value.place,
    signal: state.request.context.signal,
  };
}

/** Where an object of this value is to lie. */
function stageRequest(
  state: State,
  value: PendingValue,
  how: { addressing: "hash" | "schema"; ext: string | undefined },
): StageRequest {
  const { row, column } = value;
  const { principal, signal } = state.request.context;
  return {
    store: codecUse(value).store ?? "",
    addressing: how.addressing,
    schema: row.entity.schema,
    table: row.entity.table,
    column: column.name,
    // A row that a filter finds has no key yet: its path has no key part, as the peer's `update1` makes it.
    key: hasKey(row)
      ? row.entity.key.map((name) => [name, pathText(columnOf(row.entity, name), keyText(row, name))])
      : [],
    principal: principal.name,
    ...(how.ext === undefined ? {} : { ext: how.ext }),
    ...(signal === undefined ? {} : { signal }),
  };
}

async function stageUploaded(
  state: State,
  value: PendingValue,
  addressing: "hash" | "schema" | "external" | undefined,
): Promise<void> {
  const id = String(value.input["upload"]);
  if (addressing !== "hash" && addressing !== "schema") {
    throw new ServiceError("BAD_USER_INPUT", `${value.place} keeps no objects, so it takes no upload.`, {
      details: { field: value.place, remedy: "Send the value itself." },
    });
  }
  if (state.slots.has(`upload ${id}`)) {
    throw new ServiceError("UPLOAD_EXPIRED", `The upload ${id} is used twice in this request.`, {
      details: { field: value.place, value: id, remedy: "Create an upload for each field." },
    });
  }
  const whole = stageRequest(state, value, { addressing, ext: undefined });
  // An upload is made for a list, before anyone knows the element's place in it.
  const isElement = value.row.entity.listOf !== undefined;
  const target = isElement ? { ...whole, key: whole.key.filter(([column]) => column !== "idx") } : whole;
  const user = { value, meta: {} };
  const slot = await addSlot(state, { key: `upload ${id}`, user }, () =>
    state.services.objects.writer.stageUpload(id, target),
  );
  const use = codecUse(value);
  const meta = await uploadMeta(state.services, use, {
    id,
    staged: slot.staged,
    context: contextOf(state, value),
  });
  slot.users.splice(0, 1, { value, meta });
}

async function addSlot(
  state: State,
  at: { readonly key: string; readonly user: Slot["users"][number] },
  stage: () => Promise<StagedObject>,
): Promise<Slot> {
  const known = state.slots.get(at.key);
  if (known !== undefined) {
    const slot = await known;
    slot.users.push(at.user);
    return slot;
  }
  const fresh = stage().then((staged): Slot => ({ restage: stage, staged, isLost: false, users: [at.user] }));
  state.slots.set(at.key, fresh);
  return fresh;
}

async function publishAll(state: State, transaction: Transaction): Promise<void> {
  const slots = await Promise.all(state.slots.values());
  const order = slots.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.staged.locator), Buffer.from(b.staged.locator)),
  );
  for (let from = 0; from < order.length; ) {
    const run = newOnes(order, from);
    const { writer } = state.services.objects;
    const together =
      run.length < 2
        ? undefined
        : await writer.publishNew(
            transaction,
            run.map(({ staged }) => staged),
          );
    const slots = run.length === 0 ? order.slice(from, from + 1) : run;
    for (const [index, slot] of slots.entries())
      name(state, slot, together?.[index] ?? (await published(state, transaction, slot)));
    from += slots.length;
  }
}

/** Most objects of one statement. */
const publishedAtOnce = 500;

/** New objects that follow each other: the order in which locks are taken is that of all. */
function newOnes(order: readonly Slot[], from: number): readonly Slot[] {
  const end = order.findIndex(
    ({ staged }, index) =>
      index >= from && (staged.uploadId === undefined || index - from === publishedAtOnce),
  );
  return order.slice(from, end < 0 ? undefined : end);
}

function name(state: State, slot: Slot, object: StoredObject): void {
  for (const { value, meta } of slot.users) {
    const json = metadataOf(state.services.codecs, codecUse(value), { object, meta });
    value.row.cells.set(value.column.name, jsonCell(json));
  }
}

async function published(state: State, transaction: Transaction, slot: Slot) {
  const place = slot.users[0]?.value.place ?? "";
  try {
    return await placed(place, () => state.services.objects.writer.publish(transaction, slot.staged));
  } catch (error) {
    slot.isLost = true;
    throw error;
  }
}

async function renewLost(state: State): Promise<void> {
  for (const slot of await Promise.all(state.slots.values())) {
    if (!slot.isLost) continue;
    slot.staged = await placed(slot.users[0]?.value.place ?? "", slot.restage);
    slot.isLost = false;
  }
}
