/** Filling an upload from a URL: the same intake as a PUT, with a body that the service fetches. */

import { createHash } from "node:crypto";
import { isServiceError, ServiceError } from "../errors.ts";
import { claimImport, type ImportClaim, importedSource } from "./import-claim.ts";
import type { ImportCaller, ImportEvent, OpenRemote } from "./import-contract.ts";
import { receive, type UploadContext } from "./upload-receive.ts";
import { loadUpload, type UploadRecord, usable } from "./upload-record.ts";
import { ownUpload } from "./upload-stage.ts";

/** What imports are made with. */
export interface ImportOptions {
  /** Absent: imports are off. */
  readonly open?: OpenRemote | undefined;
  readonly log?: ((event: ImportEvent) => void) | undefined;
  /** Imports of one caller that run at a time, in all processes. */
  readonly perPrincipal: number;
}

/** Fills the upload `id` from `url`. What has been imported from the same URL is not fetched again. */
export async function importUpload(
  context: UploadContext,
  options: ImportOptions,
  { id, url, caller }: { readonly id: string; readonly url: string; readonly caller: ImportCaller },
): Promise<void> {
  const { open } = options;
  if (open === undefined) throw importsOff();
  const record = usable(await loadUpload(context.db, id));
  ownUpload(record, caller.principal);
  if (record.kind !== "FILE") throw notFile(record);
  const source = createHash("sha256").update(url).digest();
  if (record.state !== "OPEN") return await repeated(context, record, source);
  const claim = await claimImport(context.db, {
    record,
    source,
    principal: caller.principal,
    limit: options.perPrincipal,
  });
  const told = { principal: caller.principal, field: record.field };
  const log = (event: Omit<ImportEvent, "principal" | "field">) => options.log?.({ ...told, ...event });
  try {
    await run(context, { open, record, url, claim, log, signal: caller.signal });
  } catch (error) {
    log({ event: "failed", receivedBytes: claim.received(), reason: reasonOf(error) });
    throw error;
  } finally {
    await claim.end();
  }
}

interface Run {
  readonly open: OpenRemote;
  readonly record: UploadRecord;
  readonly url: string;
  readonly claim: ImportClaim;
  readonly log: (event: Omit<ImportEvent, "principal" | "field">) => void;
  readonly signal: AbortSignal | undefined;
}

async function run(context: UploadContext, { open, record, url, claim, log, ...rest }: Run): Promise<void> {
  const signal = rest.signal === undefined ? claim.signal : AbortSignal.any([rest.signal, claim.signal]);
  signal.throwIfAborted();
  log({ event: "began", ...hostOf(url) });
  const { declaredBytes, declaredSha256 } = record;
  const remote = await open(url, {
    signal,
    isDeclared: declaredBytes !== undefined || declaredSha256 !== undefined,
    onTrouble: (host, reason) => log({ event: "not reached", host, reason: reasonOf(reason) }),
  });
  const { sizeBytes, host } = remote;
  await receive(context, record.id, {
    body: counted(remote.body, claim),
    options: { signal, ...(sizeBytes === undefined ? {} : { sizeBytes }) },
  });
  log({ event: "done", host, receivedBytes: claim.received() });
}

async function* counted(body: AsyncIterable<Uint8Array>, claim: ImportClaim): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    claim.signal.throwIfAborted();
    claim.count(piece.length);
    yield piece;
  }
}

/** The first answer may have been lost: the same URL again is fine, as the same bytes are where they are sent. */
async function repeated(context: UploadContext, record: UploadRecord, source: Buffer): Promise<void> {
  const known = await importedSource(context.db, record.id);
  if (known?.equals(source) === true) return;
  throw new ServiceError("STORE_CONFLICT", `The upload for ${record.field} has its bytes already.`, {
    details: { field: "id", value: record.id, remedy: "Create another upload for this URL." },
  });
}

function hostOf(url: string): { readonly host?: string } {
  return URL.canParse(url) ? { host: new URL(url).host } : {};
}

/** For the log: what happened, never what was asked for. */
function reasonOf(error: unknown): unknown {
  if (isServiceError(error)) return error.code;
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, "code");
  return `${typeof code === "string" ? `${code}: ` : ""}${error.message}`;
}

function notFile(record: UploadRecord): ServiceError {
  return new ServiceError(
    "BAD_USER_INPUT",
    `The upload for ${record.field} is a folder; a URL is one file.`,
    {
      details: { field: "id", value: record.id, remedy: "Send the files of a folder, or import one file." },
    },
  );
}

function importsOff(): ServiceError {
  const remedy = "Name the hosts in HOLDFAST_IMPORT_HOSTS at the server (* for all public ones).";
  return new ServiceError("IMPORT_REFUSED", `This service does not import from URLs. ${remedy}`, {
    details: { field: "url", setting: "HOLDFAST_IMPORT_HOSTS", remedy },
  });
}
