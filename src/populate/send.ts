/** Large values of a maker, sent ahead as uploads. */

import { basename } from "node:path";
import type { Endpoint } from "../client/request.ts";
import { retrying } from "../client/retry.ts";
import { putBytes } from "../client/send/bytes.ts";
import { contentOf } from "../client/send/content.ts";
import type { SendMemory } from "../client/send/memory.ts";
import { abilitiesOf, UploadApi } from "../client/send/offer.ts";
import { sendContent } from "../client/send/send.ts";
import type { MakeTools, NamedBytes } from "./contract.ts";

/** How makers of a table send, one server asked once what it can do. */
export function uploadsTo(at: Endpoint): (table: string, signal: AbortSignal) => MakeTools["upload"] {
  let api: Promise<UploadApi> | undefined;
  const apiOf = (): Promise<UploadApi> => {
    api ??= abilitiesOf(at).then((abilities) => new UploadApi(at, abilities));
    return api;
  };
  return (table, signal) => async (field, content) => {
    const [type, name] = field.includes(".") ? field.split(".", 2) : [table, field];
    const task = { api: await apiOf(), target: { type, field: name }, signal };
    return typeof content === "string" ? sendPath(task, content) : sendBytes(task, content);
  };
}

interface Task {
  readonly api: UploadApi;
  readonly target: object;
  readonly signal: AbortSignal;
}

async function sendPath(task: Task, path: string): Promise<string> {
  const content = await contentOf(path);
  const progress = (): void => undefined;
  return sendContent({ ...task, content, memory: noMemory, resume: false, parallel: 4, progress });
}

/** A maker that begins anew makes its files anew. */
const noMemory: SendMemory = {
  recall: async () => undefined,
  keep: async () => undefined,
  parts: async () => new Map(),
  confirm: async () => undefined,
  forget: async () => undefined,
};

async function sendBytes({ api, target, signal }: Task, { filename, bytes }: NamedBytes): Promise<string> {
  const sizeBytes = String(bytes.length);
  const offer = await api.create({ target, filename: basename(filename), kind: "FILE", sizeBytes });
  // A copy where the bytes are shared memory, which a body cannot be.
  const body = new Blob([new Uint8Array(bytes)]);
  await retrying(() => putBytes(offer.url, body, { signal }), signal);
  await retrying(() => api.complete(offer.id, [], signal), signal);
  return offer.id;
}
