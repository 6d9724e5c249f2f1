/** `get`: saves what a field holds. */

import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { ask } from "../../client/ask.ts";
import type { Endpoint } from "../../client/request.ts";
import { isPassing } from "../../client/retry.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { type DownloadOptions, download, type Written } from "../download/file.ts";
import { downloadFolder, type ListedFile, stagingOf } from "../download/folder.ts";
import { isThere } from "../download/place.ts";
import { DataSource, type LivingUrl, livingUrl } from "../download/source.ts";
import { downloadToStdout } from "../download/stdout.ts";
import { type FieldAddress, parseAddress } from "../field-address.ts";
import { Interrupted } from "../interrupt.ts";
import { sameCommand } from "../next-command.ts";
import type { Output } from "../output.ts";
import { callOf, wholeOption } from "./context.ts";
import { withService } from "./service.ts";

interface GetOptions {
  readonly output?: string;
  readonly force?: boolean;
  /** Set by `--no-resume`. */
  readonly resume: boolean;
  readonly parallel: string;
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
    .option("--no-resume", "begin anew, whatever an interrupted run has left")
    .option("--parallel <n>", "requests at a time, 1 to 32", "6")
    .action((field: string, key: string[], options: GetOptions, command: Command) =>
      get([field, ...key], options, command),
    );
}

async function get([target = "", ...key]: string[], options: GetOptions, command: Command): Promise<void> {
  const { output } = callOf(command);
  const parallel = wholeOption("--parallel", options.parallel, [1, 32]);
  const written = await withService(command, async (at, signal) => {
    const address = await parseAddress(at, target, key);
    if (key.length === 0) throw noKey(address);
    const url = livingUrl(await urlOf(at, address), () => urlOf(at, address));
    const force = options.force === true;
    const request = { at, address, url, output, force, resume: options.resume, parallel, signal };
    const isTree = address.fieldType === "Tree" || (await isFolder(at, address));
    if (options.output === "-") return toStdout(request, isTree);
    const name = ownName(url.current());
    return isTree
      ? saveTree(request, options.output ?? name)
      : saveFile(request, options.output ?? ".", name);
  });
  if (written === undefined) return;
  const bytes = written.reduce((sum, file) => sum + file.bytes, 0);
  const [only] = written;
  const what = written.length === 1 ? only?.path : `${written.length} files`;
  output.result(written, `${what}: ${bytes} bytes`);
}

interface GetRequest extends Omit<DownloadOptions, "progress"> {
  readonly at: Endpoint;
  readonly address: FieldAddress;
  readonly url: LivingUrl;
  readonly output: Output;
}

async function toStdout({ url, signal, address }: GetRequest, isTree: boolean): Promise<undefined> {
  if (!isTree) {
    await downloadToStdout(new DataSource(url), signal);
    return;
  }
  throw new ServiceError("BAD_USER_INPUT", `${address.type}.${address.field} is a folder.`, {
    details: { field: "-o", value: "-", remedy: "Name a folder with -o." },
  });
}

/** Into a folder that is there the file goes under its own name. */
async function saveFile(request: GetRequest, output: string, name: string): Promise<Written[]> {
  const isFolder = await stat(output).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const path = isFolder ? join(output, name) : output;
  const partial = `${path}.part`;
  const bar = request.output.byteProgress(basename(path));
  const progress = (done: number, total: number): void => bar(done, total, "");
  return await goingOn(request.signal, partial, async () => [
    await download(new DataSource(request.url), { path, partial }, { ...request, progress }),
  ]);
}

/** Tells how to go on when the work ends before it is done, and something of it is left. */
async function goingOn<T>(signal: AbortSignal, partial: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(await isThere(partial))) throw error;
    const next = sameCommand();
    if (signal.aborted) throw new Interrupted(next);
    if (!isServiceError(error) || !isPassing(error)) throw error;
    const remedy = `What has arrived is kept. Go on with: ${next}`;
    throw new ServiceError(error.code, error.message, {
      cause: error,
      details: { ...error.details, remedy },
    });
  }
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
  const { url, output, signal } = request;
  const files = await treeFiles(request);
  const progress = output.byteProgress(basename(to));
  return await goingOn(signal, stagingOf(to), () =>
    downloadFolder({ url, files, to, options: { ...request, progress } }),
  );
}

const pageSize = 500;

async function treeFiles({ at, address, signal }: GetRequest): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  for (let after: string | undefined; ; after = files.at(-1)?.path) {
    signal.throwIfAborted();
    const from = after === undefined ? "" : `, after: ${JSON.stringify(after)}`;
    const selection = `value: ${address.field} { entries(first: ${pageSize}${from}) { path sizeBytes } }`;
    const { row } = await askRow<{ value: { entries: { path: string; sizeBytes: string }[] } }>(
      at,
      address,
      selection,
    );
    const entries = row?.value.entries ?? [];
    files.push(...entries.map(({ path, sizeBytes }) => ({ path, sizeBytes: Number(sizeBytes) })));
    if (entries.length < pageSize) return files;
  }
}
