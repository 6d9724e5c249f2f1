/** A file or folder to an upload of its own: the way that suits it, gone on with where an earlier run stopped. */

import { openAsBlob } from "node:fs";
import { basename, resolve } from "node:path";
import { eachAtOnce } from "../each.ts";
import { retrying } from "../retry.ts";
import { partBytes, partsFor, sendParts } from "./by-parts.ts";
import { sendByTus } from "./by-tus.ts";
import { putBytes } from "./bytes.ts";
import { type Content, digestOf } from "./content.ts";
import type { SendMemory } from "./memory.ts";
import type { Offer, SentPart, UploadApi } from "./offer.ts";

/** What is sent, and how. */
export interface SendTask {
  readonly api: UploadApi;
  readonly content: Content;
  /** `{type, field, key}` */
  readonly target: object;
  readonly memory: SendMemory;
  /** False: what an earlier run has begun is left alone. */
  readonly resume: boolean;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, next: string) => void;
}

/** Sends everything and answers the upload's id; all of it has been verified then. */
export async function sendContent(task: SendTask): Promise<string> {
  const { api, memory, signal } = task;
  const begun = (await resumed(task)) ?? (await create(task));
  const sent = begun.state === "OPEN" ? await sendAll(task, begun) : [];
  await retrying(() => api.complete(begun.id, sent, signal), signal);
  await memory.forget();
  return begun.id;
}

/** An upload that can be gone on with: parts, tus and declared files are remembered by the server, a plain PUT is not. */
async function resumed({ api, memory, resume }: SendTask): Promise<Offer | undefined> {
  const known = resume ? await memory.recall() : undefined;
  return known === undefined ? undefined : await api.find(known);
}

async function create(task: SendTask): Promise<Offer> {
  const { api, content, target, memory, signal } = task;
  const shared = { target, filename: basename(resolve(content.root)) };
  if (content.isTree) {
    const declared = api.can.files && content.files.length <= mostDeclared ? await filesOf(task) : {};
    const offer = await api.create({ ...shared, kind: "TREE", ...declared });
    await memory.keep(offer.id);
    return offer;
  }
  const sha256 = await digestOf(content.root, signal);
  const inParts = api.can.parts && content.sizeBytes > partBytes;
  const parts = inParts ? { parts: partsFor(content.sizeBytes) } : {};
  const sizeBytes = String(content.sizeBytes);
  const offer = await api.create({ ...shared, kind: "FILE", sizeBytes, sha256, ...parts });
  await memory.keep(offer.id);
  return offer;
}

/** Files of a folder that can be declared. */
const mostDeclared = 10_000;

/** Sizes and digests are told before anything is sent, so that exactly these files must arrive. */
async function filesOf({ content, signal }: SendTask): Promise<{ readonly files: readonly object[] }> {
  const files: object[] = [];
  for (const { path, name, sizeBytes } of content.files)
    files.push({ path: name, sizeBytes: String(sizeBytes), sha256: await digestOf(path, signal) });
  return { files };
}

/** Files of less than this go by one PUT even where they could be sent in several requests. */
const smallBytes = 8 * 2 ** 20;

async function sendAll(task: SendTask, offer: Offer): Promise<readonly SentPart[]> {
  if (!task.content.isTree) return await sendFile(task, offer);
  await sendFolder(task, offer);
  return [];
}

async function sendFile(task: SendTask, offer: Offer): Promise<readonly SentPart[]> {
  const { api, content, memory, parallel, signal } = task;
  const file = await openAsBlob(content.root);
  const progress = (done: number, total: number): void => task.progress(done, total, "");
  const { id, url, parts, resumableUrl } = offer;
  // A server without parts of its own answers an empty list.
  if (parts !== null && parts !== undefined && parts.length > 0) {
    return await sendParts({ api, id, parts, memory, file, parallel, signal, progress });
  }
  if (typeof resumableUrl === "string" && content.sizeBytes >= smallBytes) {
    await sendByTus({ url: resumableUrl, file, signal, progress });
  } else {
    await retrying(() => putBytes(url, file, { signal }), signal);
    progress(content.sizeBytes, content.sizeBytes);
  }
  return [];
}

async function sendFolder(task: SendTask, offer: Offer): Promise<void> {
  const { content, parallel, signal, progress } = task;
  const received = new Set(offer.files?.flatMap(({ path, isReceived }) => (isReceived ? [path] : [])));
  let done = 0;
  await eachAtOnce(content.files, { width: parallel, signal }, async ({ path, name, sizeBytes }, stop) => {
    if (!received.has(name)) {
      const below = name.split("/").map(encodeURIComponent).join("/");
      // Without it only the length would be compared.
      const digest = Buffer.from(await digestOf(path, stop), "hex").toString("base64");
      const headers = { "content-digest": `sha-256=:${digest}:` };
      const body = await openAsBlob(path);
      await retrying(() => putBytes(`${offer.url}/${below}`, body, { headers, signal: stop }), stop);
    }
    done += sizeBytes;
    progress(done, content.sizeBytes, name);
  });
}
