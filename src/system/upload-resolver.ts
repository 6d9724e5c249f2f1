/** Uploads, as in the entity API: for scripts that know only this endpoint. */

import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from "type-graphql";
import type { UploadPart } from "../object/contract.ts";
import { requireRight } from "./guard.ts";
import type { Caller, SystemContext, SystemServices, UploadOffer } from "./services.ts";
import { CreateUploadInput, OfferedPart, OfferedUpload, UploadPartInput } from "./upload-types.ts";

@Resolver()
export class UploadResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => OfferedUpload, {
    nullable: true,
    description:
      "How far an upload is; with a path the parts of that file of a folder. Needs WRITE, as its url does.",
  })
  async upload(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
    @Arg("path", () => String, { nullable: true }) path: string | null,
  ): Promise<OfferedUpload | null> {
    const caller = callerOf(context);
    const told = await this.services.uploads.tell({ id, ...(path ? { path } : {}) }, caller);
    return told === null ? null : shown(told);
  }

  @Mutation(() => OfferedUpload, {
    description: "Reserves a key for a field's value and tells where to send the bytes. Needs WRITE.",
  })
  async createUpload(
    @Ctx() context: SystemContext,
    @Arg("input", () => CreateUploadInput) input: CreateUploadInput,
  ): Promise<OfferedUpload> {
    const caller = callerOf(context);
    return shown(
      await this.services.uploads.create(
        { ...input, sizeBytes: input.sizeBytes?.toString() ?? null },
        caller,
      ),
    );
  }

  @Mutation(() => OfferedUpload, {
    description:
      "Says that all bytes were sent. Idempotent; to be called again while the answer is VERIFYING. Needs WRITE.",
  })
  async completeUpload(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
    @Arg("parts", () => [UploadPartInput], { nullable: true }) parts: UploadPartInput[] | null,
  ): Promise<OfferedUpload> {
    const caller = callerOf(context);
    return shown(await this.services.uploads.finish({ id, parts: parts ?? [] }, caller));
  }

  @Mutation(() => [OfferedPart], {
    description: "URLs for parts of a file, or of one file of a folder; 100 in one call. Needs WRITE.",
  })
  async signUploadParts(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
    @Arg("numbers", () => [Int]) numbers: number[],
    @Arg("path", () => String, { nullable: true }) path: string | null,
  ): Promise<OfferedPart[]> {
    const caller = callerOf(context);
    return (await this.services.uploads.sign({ id, numbers, path: path ?? null }, caller)).map(shownPart);
  }

  @Mutation(() => OfferedUpload, {
    description: "Ends an upload that no row has taken: what was sent goes away. Idempotent. Needs WRITE.",
  })
  async abortUpload(@Ctx() context: SystemContext, @Arg("id", () => ID) id: string): Promise<OfferedUpload> {
    const caller = callerOf(context);
    return shown(await this.services.uploads.end(id, caller));
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
    const caller = { ...callerOf(context), patience: context.patience };
    return shown(await this.services.uploads.import({ id, url }, caller));
  }
}

/** @throws {FORBIDDEN} for a caller who may not write. */
function callerOf(context: SystemContext): Caller {
  requireRight(context, "WRITE");
  return { ...context.principal, baseUrl: context.baseUrl, signal: context.signal };
}

function shown(upload: UploadOffer): OfferedUpload {
  const { id, url, resumableUrl, state, receivedBytes, expiresAt, parts, files } = upload;
  return {
    id,
    url,
    resumableUrl: resumableUrl ?? null,
    state,
    receivedBytes: BigInt(receivedBytes),
    expiresAt,
    parts: parts?.map(shownPart) ?? null,
    files:
      files?.map((file) => ({
        ...file,
        sizeBytes: BigInt(file.sizeBytes),
        partCount: file.partCount ?? null,
      })) ?? null,
  };
}

function shownPart({ sizeBytes, url, expiresAt, ...part }: UploadPart): OfferedPart {
  return { ...part, sizeBytes: BigInt(sizeBytes), url: url ?? null, expiresAt: expiresAt ?? null };
}
