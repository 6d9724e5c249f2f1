/** `get`: saves what a field holds. */

import { basename, join } from "node:path";
import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import type { Endpoint } from "../../sample/client.ts";
import { ask } from "../ask.ts";
import { type DownloadOptions, download, downloadToStdout, type Written } from "../download.ts";
import { type FieldAddress, parseAddress } from "../field-address.ts";
import type { Output } from "../output.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface GetOptions {
  readonly output?: string;
  readonly force?: boolean;
}

export function getCommand(program: Command): void {
  program
    .command("get <field> [key...]")
    .description("save what a field holds: holdfast get Recording.voltage sessionId=1 sweepIdx=12")
    .option(
      "-o, --output <path>",
      "file or folder to write, - for standard output; the value's own name unless given",
    )
    .option("--force", "replace files that are there")
    .action((field: string, key: string[], options: GetOptions, command: Command) =>
      get([field, ...key], options, command),
    );
}

async function get([target = "", ...key]: string[], options: GetOptions, command: Command): Promise<void> {
  const { output } = callOf(command);
  const written = await withService(command, async (at, signal) => {
    const address = await parseAddress(at, target, key);
    if (key.length === 0) throw noKey(address);
    const url = await urlOf(at, address);
    const request = { at, address, url, output, force: options.force === true, signal };
    const isTree = address.fieldType === "Tree" || (await isFolder(at, address));
    if (options.output === "-") return toStdout(request, isTree);
    const to = options.output ?? ownName(url);
    return isTree ? saveTree(request, to) : [await download(url, to, request)];
  });
  if (written === undefined) return;
  const bytes = written.reduce((sum, file) => sum + file.bytes, 0);
  const [only] = written;
  const what = written.length === 1 ? only?.path : `${written.length} files`;
  output.result(written, `${what}: ${bytes} bytes`);
}

interface GetRequest extends DownloadOptions {
  readonly at: Endpoint;
  readonly address: FieldAddress;
  readonly url: string;
  readonly output: Output;
}

async function toStdout({ url, signal, address }: GetRequest, isTree: boolean): Promise<undefined> {
  if (!isTree) {
    await downloadToStdout(url, signal);
    return;
  }
  throw new ServiceError("BAD_USER_INPUT", `${address.type}.${address.field} is a folder.`, {
    details: { field: "-o", value: "-", remedy: "Name a folder with -o." },
  });
}

function noKey({ type, args }: FieldAddress): ServiceError {
  const form = args.replaceAll(/: \$\w+,?/g, "=…");
  return new ServiceError("BAD_USER_INPUT", `Which ${type}? The key is missing.`, {
    details: { field: "key", remedy: `Give the key of the row: ${form}` },
  });
}

/** The name that the server proposes, never a path. */
function ownName(url: string): string {
  const name = basename(decodeURIComponent(basename(new URL(url).pathname)).replaceAll("\\", "/"));
  return name === "" || name === "." || name === ".." ? "value" : name;
}

interface Found {
  readonly value: { readonly url: string | null } | null;
}

async function urlOf(at: Endpoint, address: FieldAddress): Promise<string> {
  const { row } = await askRow<Found>(at, address, `value: ${address.field} { url }`);
  if (row?.value?.url) return row.value.url;
  const what =
    row === null ? `There is no such ${address.type}` : `${address.type}.${address.field} is empty`;
  throw new ServiceError("NOT_FOUND", `${what}: ${JSON.stringify(address.key)}.`, {
    details: { field: address.field, value: address.key },
  });
}

/** A `filepath` may name a folder. */
async function isFolder(at: Endpoint, address: FieldAddress): Promise<boolean> {
  if (address.fieldType !== "FileRef") return false;
  const { row } = await askRow<{ value: { isDirectory: boolean | null } }>(
    at,
    address,
    `value: ${address.field} { isDirectory }`,
  );
  if (row?.value.isDirectory !== true) return false;
  throw new ServiceError("BAD_USER_INPUT", `${address.type}.${address.field} refers to a folder.`, {
    details: { remedy: "Fetch its files one by one from the field's url, or copy the folder in its store." },
  });
}

function askRow<Row>(at: Endpoint, address: FieldAddress, selection: string): Promise<{ row: Row | null }> {
  const { declarations, root, args, key } = address;
  return ask(at, `query (${declarations}) { row: ${root}(${args}) { ${selection} } }`, key);
}

async function saveTree(request: GetRequest, to: string): Promise<Written[]> {
  const { url, output } = request;
  const paths = await treePaths(request);
  const progress = output.progress(to);
  const written: Written[] = [];
  for (const path of paths) {
    progress(written.length, paths.length, path);
    const file = `${url}/${path.split("/").map(encodeURIComponent).join("/")}`;
    written.push(await download(file, join(to, ...safeParts(path)), request));
  }
  progress(paths.length, paths.length, "");
  return written;
}

/** A name from a server must not lead out of the folder that the user named. */
function safeParts(path: string): string[] {
  const parts = path.split("/");
  const isBad = (part: string) => part === "" || part === "." || part === ".." || /[\\:\0]/.test(part);
  if (!parts.some((part) => (process.platform === "win32" ? isBad(part) : isUnsafe(part)))) return parts;
  throw new ServiceError("OBJECT_CORRUPT", `The folder has a file that cannot be written here: ${path}`, {
    details: { value: path },
  });
}

function isUnsafe(part: string): boolean {
  return part === "" || part === "." || part === ".." || part.includes("\0");
}

const pageSize = 500;

async function treePaths({ at, address, signal }: GetRequest): Promise<string[]> {
  const paths: string[] = [];
  for (let after: string | undefined; ; after = paths.at(-1)) {
    signal.throwIfAborted();
    const from = after === undefined ? "" : `, after: ${JSON.stringify(after)}`;
    const selection = `value: ${address.field} { entries(first: ${pageSize}${from}) { path } }`;
    const { row } = await askRow<{ value: { entries: { path: string }[] } }>(at, address, selection);
    const entries = row?.value.entries ?? [];
    paths.push(...entries.map(({ path }) => path));
    if (entries.length < pageSize) return paths;
  }
}
