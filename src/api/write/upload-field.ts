/** The mutation fields of uploads. */

import type { UploadWrite } from "./contract.ts";
import { importUpload } from "./import-upload.ts";
import { inputObject } from "./input-field.ts";
import {
  endUpload,
  type FinishInput,
  finishUpload,
  partValue,
  requestUpload,
  type SignInput,
  signUpload,
  type UploadInput,
  uploadValue,
} from "./request-upload.ts";
import type { DonePlan, WriteScope } from "./write-plan.ts";

/** Runs the upload field now: it is no part of the transaction. */
export async function planUpload(scope: WriteScope, kind: UploadWrite): Promise<DonePlan> {
  return { kind: "done", result: { kind: "plain", value: await answer(scope, kind) } };
}

/** GraphQL has checked the arguments against their types. */
async function answer(scope: WriteScope, kind: UploadWrite): Promise<unknown> {
  const { objects, codecs } = scope.services;
  const { principal, baseUrl, signal, patience } = scope.request.context;
  const { uploads, capabilities } = objects;
  const services = { model: scope.request.model, codecs, uploads, capabilities };
  const caller = { name: principal.name, baseUrl, signal };
  const { args } = scope.field;
  const id = String(args["id"]);
  switch (kind) {
    case "createUpload": {
      const input = inputObject(args["input"], "input") as unknown as UploadInput;
      return uploadValue(await requestUpload(services, input, caller));
    }
    case "completeUpload":
      return uploadValue(await finishUpload(services, { ...args, id } as FinishInput, caller));
    case "signUploadParts": {
      const parts = await signUpload(services, { ...args, id } as unknown as SignInput, caller);
      return parts.map(partValue);
    }
    case "abortUpload":
      return uploadValue(await endUpload(services, id, caller));
    case "importUpload":
      return uploadValue(
        await importUpload(services, { id, url: String(args["url"]) }, { ...caller, patience }),
      );
  }
}
