/** `createUpload` and `completeUpload`. */

import { addressingOf, type CodecLookup, chainOf, uploadOf } from "../../codec/chain.ts";
import type { CodecUse } from "../../model/model.ts";
import type { Capabilities, UploadRequest, UploadState, Uploads } from "../../object/contract.ts";
import { type UploadCodec, type UploadTargetInput, uploadTarget } from "../../plan/upload-target.ts";
import { inputObject } from "./input-field.ts";
import type { DonePlan, FieldResult, WriteScope } from "./write-plan.ts";

/** Runs the upload field now: its reservation is no part of the transaction, and expires by itself when nobody uses it. */
export async function planUpload(
  scope: WriteScope,
  kind: "createUpload" | "completeUpload",
): Promise<DonePlan> {
  const { uploads } = scope.services.objects;
  const state = kind === "createUpload" ? await create(scope, uploads) : await complete(scope, uploads);
  const result: FieldResult = { kind: "plain", value: uploadValue(scope, state) };
  return { kind: "done", result };
}

function create(scope: WriteScope, uploads: Uploads): Promise<UploadState> {
  const input = inputObject(scope.field.args["input"], "input");
  const { principal, signal } = scope.request.context;
  const kind = input["kind"] === "TREE" ? "TREE" : "FILE";
  const filename = String(input["filename"]);
  const { field, prefix, ...target } = uploadTarget(scope.request.model, {
    // GraphQL has checked the object against UploadTarget.
    target: input["target"] as UploadTargetInput,
    filename,
    isTree: kind === "TREE",
    codecOf: (use) => uploadCodec(scope.services.codecs, use),
  });
  const request: UploadRequest = {
    target: { ...target, principal: principal.name, ...(signal === undefined ? {} : { signal }) },
    field,
    kind,
    filename,
    ...text("mediaType", input["mediaType"]),
    ...text("sizeBytes", input["sizeBytes"]),
    ...text("sha256", input["sha256"]),
    ...(prefix === undefined ? {} : { prefix }),
  };
  return uploads.create(request);
}

function text<Name extends string>(name: Name, value: unknown): { readonly [key in Name]?: string } {
  // A computed key has no literal type.
  return value === undefined || value === null
    ? {}
    : ({ [name]: String(value) } as { [key in Name]: string });
}

/** How a column's codec takes uploads. */
export function uploadCodec(codecs: CodecLookup, use: CodecUse): UploadCodec {
  const [outer] = chainOf(codecs, use).codecs;
  return {
    addressing: addressingOf(codecs, use),
    upload: uploadOf(codecs, use),
    acceptsTree: outer.acceptsTree === true,
  };
}

function complete(scope: WriteScope, uploads: Uploads): Promise<UploadState> {
  return uploads.complete(String(scope.field.args["id"]));
}

function uploadValue(scope: WriteScope, state: UploadState): Readonly<Record<string, unknown>> {
  const { objects } = scope.services;
  const url = uploadUrl(objects.capabilities, scope.request.context.baseUrl, state.id);
  return {
    id: state.id,
    url,
    parts: state.kind === "FILE" ? [{ number: 1, url }] : [],
    kind: state.kind,
    // An upload that a row has is complete.
    state: state.state === "USED" ? "COMPLETE" : state.state,
    receivedBytes: state.receivedBytes,
    expiresAt: state.expiresAt.toISOString(),
  };
}

/** Where the bytes are PUT: the right to send them is in the path. */
function uploadUrl(capabilities: Capabilities, baseUrl: string, id: string): string {
  return `${baseUrl}/uploads/${capabilities.sign({ kind: "upload", id }, { expiresInSeconds: 24 * 3600 })}`;
}
