/** `upload`: sends a file or folder to a field. */

import { basename } from "node:path";
import type { Command } from "commander";
import { ask } from "../../client/ask.ts";
import type { Endpoint } from "../../client/request.ts";
import { isPassing } from "../../client/retry.ts";
import { contentOf } from "../../client/send/content.ts";
import { UploadMemory } from "../../client/send/memory.ts";
import { abilitiesOf, UploadApi } from "../../client/send/offer.ts";
import { type SendTask, sendContent } from "../../client/send/send.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { type FieldAddress, parseAddress } from "../field-address.ts";
import { Interrupted } from "../interrupt.ts";
import { sameCommand } from "../next-command.ts";
import { callOf, wholeOption } from "./context.ts";
import { withService } from "./service.ts";

interface UploadOptions {
  /** Set by `--no-resume`. */
  readonly resume: boolean;
  readonly parallel: string;
}

export function uploadCommand(program: Command): void {
  program
    .command("upload <path> <field> [key...]")
    .description(
      "send a file or folder to a field; with a key the row is updated, without one an upload id is printed",
    )
    .option("--no-resume", "begin anew, whatever an interrupted run has sent")
    .option("--parallel <n>", "requests at a time, 1 to 16", "6")
    .action((path: string, field: string, key: string[], options: UploadOptions, command: Command) =>
      upload(path, { names: [field, ...key], options, command }),
    );
}

interface UploadCall {
  readonly names: readonly string[];
  readonly options: UploadOptions;
  readonly command: Command;
}

async function upload(path: string, { names, options, command }: UploadCall): Promise<void> {
  const [target = "", ...key] = names;
  const { output, server, settings } = callOf(command);
  const parallel = wholeOption("--parallel", options.parallel, [1, 16]);
  const id = await withService(command, async (at, signal) => {
    const content = await contentOf(path);
    const address = await parseAddress(at, target, key);
    if (key.length > 0) await requireRow(at, address);
    const service = server ?? settings.dataFolder;
    const made = await goingOn({
      api: new UploadApi(at, await abilitiesOf(at)),
      content,
      target: targetOf(address),
      memory: new UploadMemory({ service, content, field: target, key: address.key }),
      resume: options.resume,
      parallel,
      signal,
      progress: output.byteProgress(basename(path)),
    });
    if (key.length > 0) await setField(at, address, made);
    return made;
  });
  if (key.length > 0) output.result({ id, field: target }, `${target} now holds ${path}`);
  else output.result({ id }, `upload ${id}\nnext: put {upload: "${id}"} into ${target}, within 24 hours`);
}

function targetOf({ type, field, key }: FieldAddress): object {
  return { type, field, ...(Object.keys(key).length === 0 ? {} : { key }) };
}

/** Tells how to go on when the work ends before it is done, and the server keeps what it has. */
async function goingOn(task: SendTask): Promise<string> {
  try {
    return await sendContent(task);
  } catch (error) {
    const isEnded = task.signal.aborted || isPassing(error);
    // What was refused would be refused again: the next run begins anew.
    if (!isEnded) await task.memory.forget();
    const isKept = task.api.can.progress && (await task.memory.recall()) !== undefined;
    if (!isEnded || !isKept) throw error;
    const next = sameCommand();
    if (task.signal.aborted || !isServiceError(error)) throw new Interrupted(next);
    const remedy = `What was sent is kept for 24 hours. Go on with: ${next}`;
    throw new ServiceError(error.code, error.message, {
      cause: error,
      details: { ...error.details, remedy },
    });
  }
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

async function setField(at: Endpoint, { type, field, key }: FieldAddress, id: string): Promise<void> {
  await ask(
    at,
    `mutation ($key: ${type}Key!, $set: ${type}Patch!) { update${type}(key: $key, set: $set) { affected { count } } }`,
    { key, set: { [field]: { upload: id } } },
  );
}
