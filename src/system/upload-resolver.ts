/** Uploads, as in the entity API: for scripts that know only this endpoint. */

import { Arg, Ctx, ID, Mutation, Resolver } from "type-graphql";
import { requireRight } from "./guard.ts";
import type { SystemContext, SystemServices, UploadOffer } from "./services.ts";
import { CreateUploadInput, OfferedUpload } from "./upload-types.ts";

@Resolver()
export class UploadResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Mutation(() => OfferedUpload, {
    description: "Reserves a key for a field's value and tells where to send the bytes. Needs WRITE.",
  })
  async createUpload(
    @Ctx() context: SystemContext,
    @Arg("input", () => CreateUploadInput) input: CreateUploadInput,
  ): Promise<OfferedUpload> {
    requireRight(context, "WRITE");
    const upload = await this.services.createUpload(
      { ...input, sizeBytes: input.sizeBytes?.toString() ?? null },
      { ...context.principal, baseUrl: context.baseUrl },
    );
    return shown(upload);
  }

  @Mutation(() => OfferedUpload, { description: "Says that all bytes were sent. Idempotent. Needs WRITE." })
  async completeUpload(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
  ): Promise<OfferedUpload> {
    requireRight(context, "WRITE");
    return shown(await this.services.completeUpload(id, { ...context.principal, baseUrl: context.baseUrl }));
  }

  @Mutation(() => OfferedUpload, {
    description:
      "Fills an upload of one file from an http or https URL, which the service fetches; answered when all bytes are in. Needs WRITE.",
  })
  async importUpload(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
    @Arg("url", () => String) url: string,
  ): Promise<OfferedUpload> {
    requireRight(context, "WRITE");
    const { principal, baseUrl, signal, patience } = context;
    const caller = { ...principal, baseUrl, signal, patience };
    return shown(await this.services.importUpload({ id, url }, caller));
  }
}

function shown({ id, url, resumableUrl, state, receivedBytes, expiresAt }: UploadOffer): OfferedUpload {
  return {
    id,
    url,
    resumableUrl: resumableUrl ?? null,
    state,
    receivedBytes: BigInt(receivedBytes),
    expiresAt,
  };
}
