/** `upload`: sends a file or folder to a field. */

import { createHash } from "node:crypto";
import { createReadStream, openAsBlob } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import type { Endpoint } from "../../sample/client.ts";
import { ask, translated } from "../ask.ts";
import { type FieldAddress, parseAddress } from "../field-address.ts";
import type { Output } from "../output.ts";
import { refusal } from "../refusal.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

export function uploadCommand(program: Command): void {
  program
    .command("upload <path> <field> [key...]")
    .description(
      "send a file or folder to a field; with a key the row is updated, without one an upload id is printed",
    )
    .action((path: string, field: string, key: string[], _, command: Command) =>
      upload(path, [field, ...key], command),
    );
}

async function upload(path: string, [target = "", ...key]: string[], command: Command): Promise<void> {
  const { output } = callOf(command);
  const id = await withService(command, async (at, signal) => {
    const content = await contentOf(path);
    const address = await parseAddress(at, target, key);
    if (key.length > 0) await requireRow(at, address);
    const made = await send(content, { at, address, output, signal });
    if (key.length > 0) await setField(at, address, made);
    return made;
  });
  if (key.length > 0) output.result({ id, field: target }, `${target} now holds ${path}`);
  else output.result({ id }, `upload ${id}\nnext: put {upload: "${id}"} into ${target}, within 24 hours`);
}

interface Content {
  readonly root: string;
  readonly isTree: boolean;
  readonly sizeBytes: number;
  readonly files: readonly string[];
}

async function contentOf(path: string): Promise<Content> {
  const about = await stat(path).catch((cause: unknown) => {
    throw new ServiceError("NOT_FOUND", `${path} cannot be read.`, { cause, details: { value: path } });
  });
  if (!about.isDirectory()) return { root: path, isTree: false, sizeBytes: about.size, files: [path] };
  const files = await filesBelow(path);
  if (files.length > 0) return { root: path, isTree: true, sizeBytes: 0, files };
  throw new ServiceError("BAD_USER_INPUT", `The folder ${path} has no files.`, { details: { value: path } });
}

/** @throws {BAD_USER_INPUT} for anything that is neither file nor folder: nothing is left out silently. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd !== undefined) {
    const path = join(odd.parentPath, odd.name);
    throw new ServiceError("BAD_USER_INPUT", `${path} is neither a file nor a folder.`, {
      details: { value: path, remedy: "Replace links by what they lead to, or leave it out." },
    });
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Asked before the first byte is sent: a key with a slip must not cost an hour. */
async function requireRow(
  at: Endpoint,
  { type, root, declarations, args, key }: FieldAddress,
): Promise<void> {
  const { row } = await ask<{ row: object | null }>(
    at,
    `query (${declarations}) { row: ${root}(${args}) { __typename } }`,
    key,
  );
  if (row !== null) return;
  throw new ServiceError("NOT_FOUND", `There is no such ${type}: ${JSON.stringify(key)}.`, {
    details: { field: "key", value: key, remedy: "Create the row first, or upload without a key." },
  });
}

interface Sending {
  readonly at: Endpoint;
  readonly address: FieldAddress;
  readonly output: Output;
  readonly signal: AbortSignal;
}

async function send(content: Content, sending: Sending): Promise<string> {
  const { at, output, signal } = sending;
  const { root, isTree, files } = content;
  const { upload } = await ask<{ upload: { id: string; url: string } }>(
    at,
    "mutation ($input: CreateUploadInput!) { upload: createUpload(input: $input) { id url } }",
    { input: await declarationOf(content, sending) },
  );
  const progress = output.progress(basename(root));
  for (const [done, file] of files.entries()) {
    progress(done, files.length, file);
    const below = relative(root, file).split(sep).map(encodeURIComponent).join("/");
    await putFile(isTree ? `${upload.url}/${below}` : upload.url, file, signal);
  }
  progress(files.length, files.length, "");
  await ask(at, "mutation ($id: ID!) { completeUpload(id: $id) { id } }", { id: upload.id });
  return upload.id;
}

/** Size and digest of a file are told before it is sent, so that what arrives is checked against what lies here. */
async function declarationOf(content: Content, { address, signal }: Sending): Promise<object> {
  const { root, isTree, sizeBytes } = content;
  const { type, field, key } = address;
  return {
    target: { type, field, ...(Object.keys(key).length === 0 ? {} : { key }) },
    filename: basename(resolve(root)),
    kind: isTree ? "TREE" : "FILE",
    ...(isTree ? {} : { sizeBytes: String(sizeBytes), sha256: await digestOf(root, signal) }),
  };
}

async function digestOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest("hex");
}

/** The right to send is in the URL. */
async function putFile(url: string, file: string, signal: AbortSignal): Promise<void> {
  const body = await openAsBlob(file);
  const response = await fetch(url, { method: "PUT", body, signal }).catch((error: unknown) =>
    Promise.reject(translated(error, { url: new URL(url).origin })),
  );
  if (!response.ok) throw await refusal(response);
}

async function setField(at: Endpoint, { type, field, key }: FieldAddress, id: string): Promise<void> {
  await ask(
    at,
    `mutation ($key: ${type}Key!, $set: ${type}Patch!) { update${type}(key: $key, set: $set) { affected { count } } }`,
    { key, set: { [field]: { upload: id } } },
  );
}
