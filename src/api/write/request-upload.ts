/** What can be done with uploads, for whoever asks: the entity API and the system API. */

import { addressingOf, type CodecLookup, chainOf, uploadOf } from "../../codec/chain.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import type { CodecUse, Model } from "../../model/model.ts";
import type {
  Capabilities,
  DeclaredFile,
  UploadPart,
  UploadRequest,
  UploadState,
  Uploads,
} from "../../object/contract.ts";
import { type UploadCodec, type UploadTargetInput, uploadTarget } from "../../plan/upload-target.ts";

/** What uploads are told with. */
export interface UploadSides {
  readonly uploads: Uploads;
  readonly capabilities: Capabilities;
}

/** What uploads are made with. */
export interface UploadServices extends UploadSides {
  readonly model: Model;
  readonly codecs: CodecLookup;
}

/** Who asks, and how the URL begins. */
export interface UploadCaller {
  readonly name: string;
  readonly baseUrl: string;
  readonly signal?: AbortSignal | undefined;
}

/** The arguments of `createUpload`, checked by GraphQL. */
export interface UploadInput {
  readonly target: UploadTargetInput;
  readonly filename: string;
  readonly kind?: "FILE" | "TREE" | null | undefined;
  readonly mediaType?: string | null | undefined;
  readonly sizeBytes?: string | null | undefined;
  readonly sha256?: string | null | undefined;
  readonly parts?: number | null | undefined;
  readonly files?: readonly FileInput[] | null | undefined;
}

interface FileInput {
  readonly path: string;
  readonly sizeBytes: string | number | bigint;
  readonly sha256?: string | null | undefined;
  readonly parts?: number | null | undefined;
}

/** An upload and where its bytes are PUT: the right to send them is in the URL. */
export type OfferedUpload = UploadState & {
  readonly url: string;
  /** Where a file may be sent by several requests (tus); a folder and a file that goes by parts have no such URL. */
  readonly resumableUrl: string | undefined;
};

/** Reserves a key for the target. The reservation is no part of a transaction, and expires by itself when nobody uses it. */
export async function requestUpload(
  services: UploadServices,
  input: UploadInput,
  caller: UploadCaller,
): Promise<OfferedUpload> {
  const kind = input.kind === "TREE" ? "TREE" : "FILE";
  const { field, prefix, ...target } = uploadTarget(services.model, {
    target: input.target,
    filename: input.filename,
    isTree: kind === "TREE",
    codecOf: (use) => uploadCodec(services.codecs, use),
  });
  const { name: principal, signal } = caller;
  const request: UploadRequest = {
    target: { ...target, principal, ...(signal === undefined ? {} : { signal }) },
    field,
    kind,
    filename: input.filename,
    ...text("mediaType", input.mediaType),
    ...text("sizeBytes", input.sizeBytes),
    ...text("sha256", input.sha256),
    ...(prefix === undefined ? {} : { prefix }),
    ...whole("parts", input.parts),
    ...(input.files === undefined || input.files === null ? {} : { files: input.files.map(declaredFile) }),
  };
  return offered(services, await services.uploads.create(request), caller);
}

function declaredFile({ path, sizeBytes, sha256, parts }: FileInput): DeclaredFile {
  return { path, sizeBytes: String(sizeBytes), ...text("sha256", sha256), ...whole("parts", parts) };
}

/** Which upload, and the parts as their sender knows them. */
export interface FinishInput {
  readonly id: string;
  readonly parts?: readonly { readonly number: number; readonly etag?: string | null }[] | null | undefined;
}

/** Idempotent. */
export async function finishUpload(
  services: UploadSides,
  { id, parts }: FinishInput,
  caller: UploadCaller,
): Promise<OfferedUpload> {
  const tags = (parts ?? []).map(({ number, etag }) => ({ number, ...(etag ? { tag: etag } : {}) }));
  const options = { tags, ...(caller.signal === undefined ? {} : { signal: caller.signal }) };
  return offered(services, await services.uploads.complete(id, options), caller);
}

/** Which parts of which file. */
export interface SignInput {
  readonly id: string;
  readonly numbers: readonly number[];
  readonly path?: string | null | undefined;
}

/** URLs for parts. */
export async function signUpload(
  { uploads }: UploadSides,
  { id, numbers, path }: SignInput,
  { name, signal }: UploadCaller,
): Promise<readonly UploadPart[]> {
  const parts = { numbers, ...(path === undefined || path === null ? {} : { path }) };
  return uploads.signParts(id, parts, { principal: name, signal });
}

/** Ends an upload. Idempotent. */
export async function endUpload(
  services: UploadSides,
  id: string,
  caller: UploadCaller,
): Promise<OfferedUpload> {
  const { name: principal, signal } = caller;
  return offered(services, await services.uploads.abort(id, { principal, signal }), caller);
}

/** How far an upload is; null when there is none. @throws {FORBIDDEN} without WRITE: the answer has the URL that takes its bytes. */
export async function tellUpload(
  services: UploadSides,
  { id, path }: { readonly id: string; readonly path?: string | undefined },
  caller: {
    readonly principal: { readonly name: string; readonly rights: ReadonlySet<string> };
    readonly baseUrl: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<OfferedUpload | null> {
  const { principal, baseUrl, signal } = caller;
  if (!principal.rights.has("WRITE") && !principal.rights.has("ADMIN")) {
    throw new ServiceError("FORBIDDEN", `${principal.name} may not look at uploads.`, {
      details: { remedy: "Use a token with the right WRITE." },
    });
  }
  try {
    const options = { ...(path === undefined ? {} : { path }), ...(signal === undefined ? {} : { signal }) };
    return offered(services, await services.uploads.progress(id, options), { name: principal.name, baseUrl });
  } catch (error) {
    if (isServiceError(error, "NOT_FOUND")) return null;
    throw error;
  }
}

/** An upload with the fields of its GraphQL type in the entity API. */
export function uploadValue(upload: OfferedUpload): Readonly<Record<string, unknown>> {
  return {
    id: upload.id,
    url: upload.url,
    resumableUrl: upload.resumableUrl ?? null,
    parts: upload.parts?.map(partValue) ?? null,
    files:
      upload.files?.map((file) => ({
        ...file,
        sizeBytes: String(file.sizeBytes),
        partCount: file.partCount ?? null,
      })) ?? null,
    kind: upload.kind,
    // An upload that a row has is complete.
    state: upload.state === "USED" ? "COMPLETE" : upload.state,
    receivedBytes: upload.receivedBytes,
    expiresAt: upload.expiresAt.toISOString(),
  };
}

/** A part with the fields of its GraphQL type in the entity API. */
export function partValue(part: UploadPart): Readonly<Record<string, unknown>> {
  return {
    number: part.number,
    sizeBytes: String(part.sizeBytes),
    url: part.url ?? null,
    expiresAt: part.expiresAt?.toISOString() ?? null,
    isReceived: part.isReceived,
  };
}

/** How a column's codec takes uploads. */
function uploadCodec(codecs: CodecLookup, use: CodecUse): UploadCodec {
  const [outer] = chainOf(codecs, use).codecs;
  return {
    addressing: addressingOf(codecs, use),
    upload: uploadOf(codecs, use),
    acceptsTree: outer.acceptsTree === true,
  };
}

function text<Name extends string>(name: Name, value: unknown): { readonly [key in Name]?: string } {
  // A computed key has no literal type.
  return value === undefined || value === null
    ? {}
    : ({ [name]: String(value) } as { [key in Name]: string });
}

function whole<Name extends string>(
  name: Name,
  value: number | null | undefined,
): { readonly [key in Name]?: number } {
  // A computed key has no literal type.
  return value === undefined || value === null ? {} : ({ [name]: value } as { [key in Name]: number });
}

/** An upload with the URLs that take its bytes. */
export function offered(
  { capabilities }: UploadSides,
  state: UploadState,
  { baseUrl }: UploadCaller,
): OfferedUpload {
  const capability = capabilities.sign({ kind: "upload", id: state.id }, { expiresInSeconds: 24 * 3600 });
  const isWhole = state.kind === "FILE" && state.parts === undefined;
  const resumableUrl = isWhole ? `${baseUrl}/tus/${capability}` : undefined;
  return { ...state, url: `${baseUrl}/uploads/${capability}`, resumableUrl };
}
