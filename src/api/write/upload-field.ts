/** The mutation fields `createUpload` and `completeUpload`. */

import { inputObject } from "./input-field.ts";
import { finishUpload, type OfferedUpload, requestUpload, type UploadInput } from "./request-upload.ts";
import type { DonePlan, FieldResult, WriteScope } from "./write-plan.ts";

/** Runs the upload field now: its reservation is no part of the transaction. */
export async function planUpload(
  scope: WriteScope,
  kind: "createUpload" | "completeUpload",
): Promise<DonePlan> {
  const { objects, codecs } = scope.services;
  const { principal, baseUrl, signal } = scope.request.context;
  const services = {
    model: scope.request.model,
    codecs,
    uploads: objects.uploads,
    capabilities: objects.capabilities,
  };
  const caller = { name: principal.name, baseUrl, signal };
  const offered =
    kind === "createUpload"
      ? // GraphQL has checked the object against CreateUploadInput.
        await requestUpload(
          services,
          inputObject(scope.field.args["input"], "input") as unknown as UploadInput,
          caller,
        )
      : await finishUpload(services, String(scope.field.args["id"]), caller);
  const result: FieldResult = { kind: "plain", value: uploadValue(offered) };
  return { kind: "done", result };
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
