import { type ChainUse, inspectChain, uploadOf } from "../../codec/chain.ts";
import type { EncodeContext, JsonObject } from "../../codec/contract.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import type { StagedObject } from "../../object/contract.ts";
import type { WriteServices } from "./contract.ts";

/** What the codec says of bytes that an upload has brought. @throws {CODEC_INVALID_VALUE} when they are not in its format. */
export async function uploadMeta(
  services: WriteServices,
  use: ChainUse,
  at: {
    readonly id: string;
    readonly staged: StagedObject;
    readonly context: Omit<EncodeContext, "inStore" | "args">;
  },
): Promise<JsonObject> {
  const side = uploadOf(services.codecs, use);
  if (side === undefined) {
    throw new ServiceError("BAD_USER_INPUT", `${at.context.field}: the codec ${use.name} takes no uploads.`, {
      details: { field: at.context.field, remedy: "Send the value itself." },
    });
  }
  const { object } = at.staged;
  const { filename, mediaType } = await services.objects.uploads.get(at.id);
  const { prefix } = side.begin({ filename, isTree: object.isTree });
  const stored = services.objects.reader.open({
    store: object.store,
    path: object.path,
    isTree: object.isTree,
    sizeBytes: object.sizeBytes,
  });
  // The digest of the object is that of the content only where nothing was put before it.
  const contentSha256 = prefix === undefined ? object.sha256 : undefined;
  return inspected(at.context.field, async () => {
    const upload = { filename, mediaType, contentSha256, value: stored };
    return (await inspectChain(services.codecs, use, { upload, context: at.context })) ?? {};
  });
}

/** What the uploader sent is not damaged, it is not valid. */
async function inspected(field: string, work: () => Promise<JsonObject>): Promise<JsonObject> {
  try {
    return await work();
  } catch (error) {
    if (!isServiceError(error, "CODEC_CORRUPT")) throw error;
    throw new ServiceError("CODEC_INVALID_VALUE", `${field}: ${error.message}`, {
      details: { ...error.details, field },
      cause: error,
    });
  }
}
