/** `createUpload` and `completeUpload` for whoever asks: the entity API and the system API. */

import { addressingOf, type CodecLookup, chainOf, uploadOf } from "../../codec/chain.ts";
import type { CodecUse, Model } from "../../model/model.ts";
import type { Capabilities, UploadRequest, UploadState, Uploads } from "../../object/contract.ts";
import { type UploadCodec, type UploadTargetInput, uploadTarget } from "../../plan/upload-target.ts";

/** What uploads are made with. */
export interface UploadServices {
  readonly model: Model;
  readonly codecs: CodecLookup;
  readonly uploads: Uploads;
  readonly capabilities: Capabilities;
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
}

/** An upload and where its bytes are PUT: the right to send them is in the URL. */
export type OfferedUpload = UploadState & {
  readonly url: string;
  /** Where a file may be sent by several requests (tus); a folder has no such URL. */
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
  };
  return offered(services, await services.uploads.create(request), caller);
}

/** Idempotent. */
export async function finishUpload(
  services: UploadServices,
  id: string,
  caller: UploadCaller,
): Promise<OfferedUpload> {
  return offered(services, await services.uploads.complete(id), caller);
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

/** An upload with the URL that takes its bytes. */
export function offered(
  { capabilities }: UploadServices,
  state: UploadState,
  { baseUrl }: UploadCaller,
): OfferedUpload {
  const capability = capabilities.sign({ kind: "upload", id: state.id }, { expiresInSeconds: 24 * 3600 });
  const resumableUrl = state.kind === "FILE" ? `${baseUrl}/tus/${capability}` : undefined;
  return { ...state, url: `${baseUrl}/uploads/${capability}`, resumableUrl };
}
