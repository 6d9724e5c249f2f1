/** `get` and `upload`: bytes between files and fields. */

import { createWriteStream, openAsBlob } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import type { Endpoint } from "../../sample/client.ts";
import { ask } from "../ask.ts";
import { type FieldAddress, parseAddress } from "../field-address.ts";
import type { Output } from "../output.ts";
import { callOf, withService } from "./context.ts";

export function transferCommands(program: Command): void {
  program
    .command("get <field> [key...]")
    .description("save what a field holds: holdfast get Recording.voltage sessionId=1 sweepIdx=12 -o v.npy")
    .option("-o, --output <path>", "file or folder to write; the field's own name unless given")
    .action((field: string, key: string[], options: { output?: string }, command: Command) =>
      get(field, key, options, command),
    );
  program
    .command("upload <path> <field> [key...]")
    .description(
      "send a file or folder to a field; with a key the row is updated, without one an upload id is printed",
    )
    .action((path: string, field: string, key: string[], _, command: Command) =>
      upload(path, field, key, command),
    );
}

interface Found {
  readonly value: { readonly url: string | null } | null;
}

async function get(
  target: string,
  key: string[],
  options: { output?: string },
  command: Command,
): Promise<void> {
  const { output } = callOf(command);
  const written = await withService(command, async (at) => {
    const address = await parseAddress(at, target, key);
    const url = await urlOf(at, address);
    const to = options.output ?? decodeURIComponent(basename(new URL(url).pathname));
    if (address.fieldType !== "Tree") return [await save(url, to)];
    return saveTree({ at, address, url, to, output });
  });
  const bytes = written.reduce((sum, file) => sum + file.bytes, 0);
  output.result(
    written,
    `${written.length === 1 ? written[0]?.path : `${written.length} files`}: ${bytes} bytes`,
  );
}

async function urlOf(at: Endpoint, address: FieldAddress): Promise<string> {
  const { row } = await ask<{ row: Found | null }>(
    at,
    `{ row: ${address.root}(${address.keyText}) { value: ${address.field} { url } } }`,
  );
  if (row?.value?.url) return row.value.url;
  throw new ServiceError(
    "NOT_FOUND",
    `${address.type}.${address.field} is empty for ${address.keyText}, or there is no such row.`,
    {
      details: { field: address.field, value: address.key },
    },
  );
}

interface Written {
  readonly path: string;
  readonly bytes: number;
}

/** Writes beside the target and renames, so that a cut transfer leaves nothing that looks whole. */
async function save(url: string, path: string): Promise<Written> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) {
    throw new ServiceError("NOT_FOUND", `HTTP ${response.status} for ${path}.`, { details: { value: path } });
  }
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.part`;
  try {
    await pipeline(Readable.fromWeb(response.body), createWriteStream(partial));
    const { size } = await stat(partial);
    const expected = response.headers.get("content-length");
    if (expected !== null && Number(expected) !== size) {
      throw new ServiceError("SERVER_UNAVAILABLE", `${path}: ${size} of ${expected} bytes arrived.`);
    }
    await rename(partial, path);
    return { path, bytes: size };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

interface TreeRequest {
  readonly at: Endpoint;
  readonly address: FieldAddress;
  readonly url: string;
  readonly to: string;
  readonly output: Output;
}

async function saveTree({ at, address, url, to, output }: TreeRequest): Promise<Written[]> {
  const paths = await treePaths(at, address);
  const progress = output.progress(to);
  const written: Written[] = [];
  for (const path of paths) {
    progress(written.length, paths.length, path);
    const file = `${url}/${path.split("/").map(encodeURIComponent).join("/")}`;
    written.push(await save(file, join(to, ...path.split("/"))));
  }
  progress(paths.length, paths.length, "");
  return written;
}

const pageSize = 500;

async function treePaths(at: Endpoint, address: FieldAddress): Promise<string[]> {
  const paths: string[] = [];
  for (let after: string | undefined; ; after = paths.at(-1)) {
    const from = after === undefined ? "" : `, after: ${JSON.stringify(after)}`;
    const query = `{ row: ${address.root}(${address.keyText}) { value: ${address.field} { entries(first: ${pageSize}${from}) { path } } } }`;
    const { row } = await ask<{ row: { value: { entries: { path: string }[] } } }>(at, query);
    paths.push(...row.value.entries.map(({ path }) => path));
    if (row.value.entries.length < pageSize) return paths;
  }
}

async function upload(path: string, target: string, key: string[], command: Command): Promise<void> {
  const { output } = callOf(command);
  const id = await withService(command, async (at) => {
    const address = await parseAddress(at, target, key);
    const made = await send(at, address, path, output);
    if (key.length > 0) await setField(at, address, made);
    return made;
  });
  const text =
    key.length > 0
      ? `${target} now holds ${path}`
      : `upload ${id}\nnext: put {upload: "${id}"} into ${target}`;
  output.result({ id }, text);
}

async function send(at: Endpoint, address: FieldAddress, path: string, output: Output): Promise<string> {
  const about = await stat(path).catch((cause: unknown) => {
    throw new ServiceError("NOT_FOUND", `There is no file ${path}.`, { cause, details: { value: path } });
  });
  const files = about.isDirectory() ? await filesBelow(path) : [path];
  const { upload } = await ask<{ upload: { id: string; url: string } }>(
    at,
    "mutation ($input: CreateUploadInput!) { upload: createUpload(input: $input) { id url } }",
    {
      input: {
        target: {
          type: address.type,
          field: address.field,
          ...(address.keyText === "" ? {} : { key: address.key }),
        },
        filename: basename(path),
        kind: about.isDirectory() ? "TREE" : "FILE",
        ...(about.isDirectory() ? {} : { sizeBytes: String(about.size) }),
      },
    },
  );
  const progress = output.progress(basename(path));
  for (const [done, file] of files.entries()) {
    progress(done, files.length, file);
    const below = relative(path, file).split(sep).map(encodeURIComponent).join("/");
    await putFile(at, about.isDirectory() ? `${upload.url}/${below}` : upload.url, file);
  }
  progress(files.length, files.length, "");
  await ask(at, "mutation ($id: ID!) { completeUpload(id: $id) { id } }", { id: upload.id });
  return upload.id;
}

async function putFile(at: Endpoint, url: string, file: string): Promise<void> {
  const headers = at.token === undefined ? {} : { authorization: `Bearer ${at.token}` };
  const response = await fetch(new URL(url, at.url), {
    method: "PUT",
    headers,
    body: await openAsBlob(file),
  });
  if (!response.ok) {
    throw new ServiceError(
      "UPLOAD_MISMATCH",
      `The server refused ${file} (HTTP ${response.status}): ${await response.text()}`,
    );
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function setField(at: Endpoint, { type, field, key }: FieldAddress, id: string): Promise<void> {
  await ask(
    at,
    `mutation ($key: ${type}Key!, $set: ${type}Patch!) { update${type}(key: $key, set: $set) { affected { count } } }`,
    { key, set: { [field]: { upload: id } } },
  );
}
