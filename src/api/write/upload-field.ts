/** The mutation fields `createUpload`, `completeUpload` and `importUpload`. */

import { importUpload } from "./import-upload.ts";
import { inputObject } from "./input-field.ts";
import {
  finishUpload,
  type OfferedUpload,
  requestUpload,
  type UploadInput,
  type UploadServices,
} from "./request-upload.ts";
import type { DonePlan, FieldResult, WriteScope } from "./write-plan.ts";

/** Runs the upload field now: its reservation is no part of the transaction. */
export async function planUpload(
  scope: WriteScope,
  kind: "createUpload" | "completeUpload" | "importUpload",
): Promise<DonePlan> {
  const { objects, codecs } = scope.services;
  const { principal, baseUrl, signal, patience } = scope.request.context;
  const services = {
    model: scope.request.model,
    codecs,
    uploads: objects.uploads,
    capabilities: objects.capabilities,
  };
  const caller = { name: principal.name, baseUrl, signal, patience };
  const offered = await run(kind, { services, args: scope.field.args, caller });
  const result: FieldResult = { kind: "plain", value: uploadValue(offered) };
  return { kind: "done", result };
}

async function run(
  kind: "createUpload" | "completeUpload" | "importUpload",
  { services, args, caller }: UploadCall,
): Promise<OfferedUpload> {
  switch (kind) {
    case "createUpload": {
      // GraphQL has checked the object against CreateUploadInput.
      const input = inputObject(args["input"], "input") as unknown as UploadInput;
      return requestUpload(services, input, caller);
    }
    case "completeUpload":
      return finishUpload(services, String(args["id"]), caller);
    case "importUpload":
      return importUpload(services, { id: String(args["id"]), url: String(args["url"]) }, caller);
  }
}

interface UploadCall {
  readonly services: UploadServices;
  readonly args: Readonly<Record<string, unknown>>;
  readonly caller: Parameters<typeof importUpload>[2];
}

function uploadValue(upload: OfferedUpload): Readonly<Record<string, unknown>> {
  return {
    id: upload.id,
    url: upload.url,
    resumableUrl: upload.resumableUrl ?? null,
    parts: upload.kind === "FILE" ? [{ number: 1, url: upload.url }] : [],
    kind: upload.kind,
    // An upload that a row has is complete.
    state: upload.state === "USED" ? "COMPLETE" : upload.state,
    receivedBytes: upload.receivedBytes,
    expiresAt: upload.expiresAt.toISOString(),
  };
}
