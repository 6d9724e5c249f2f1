/** Tags of objects in S3, for the bucket's own rules. */

import { GetObjectTaggingCommand, PutObjectTaggingCommand } from "@aws-sdk/client-s3";
import { ServiceError } from "../errors.ts";
import type { TagAbility, TagOptions } from "./contract.ts";
import { checkBucket } from "./s3-bucket.ts";
import { type S3Context, until } from "./s3-client.ts";
import type { S3Action } from "./s3-error.ts";
import { codeNameOf, statusOf } from "./s3-error.ts";

const maxTags = 10;
const maxKeyLength = 128;
const maxValueLength = 256;

export function tagsOf(c: S3Context): TagAbility {
  const at = (path: string, { versionId }: TagOptions) => ({
    Bucket: c.settings.bucket,
    Key: c.key(path),
    ...(versionId === undefined ? {} : { VersionId: versionId }),
  });
  return {
    set: async (path, tags, options = {}) => {
      const TagSet = checked(tags).map(([Key, Value]) => ({ Key, Value }));
      const command = new PutObjectTaggingCommand({ ...at(path, options), Tagging: { TagSet } });
      await onObject(c, { action: "s3:PutObjectTagging", path, signal: options.signal }, () =>
        c.client.send(command, until(options.signal)),
      );
    },
    get: async (path, options = {}) => {
      const command = new GetObjectTaggingCommand(at(path, options));
      const { TagSet = [] } = await onObject(
        c,
        { action: "s3:GetObjectTagging", path, signal: options.signal },
        () => c.client.send(command, until(options.signal)),
      );
      return Object.fromEntries(TagSet.map(({ Key = "", Value = "" }) => [Key, Value]));
    },
  };
}

interface Attempt {
  readonly action: S3Action;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

function onObject<T>(c: S3Context, { signal, ...attempt }: Attempt, work: () => Promise<T>): Promise<T> {
  return c.call(attempt, signal, async () => {
    try {
      return await work();
    } catch (error) {
      const name = codeNameOf(error);
      if (statusOf(error) !== 404 || name === "NoSuchBucket") throw error;
      await checkBucket(c, signal);
      throw missing(c, attempt.path);
    }
  });
}

function missing(c: S3Context, path: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `The store ${c.settings.name} has no object at ${path}.`, {
    details: { store: c.settings.name, field: "path", value: path, remedy: "Name an object that is there." },
  });
}

function checked(tags: Readonly<Record<string, string>>): [string, string][] {
  const all = Object.entries(tags);
  const isFine = all.every(
    ([key, value]) => key !== "" && key.length <= maxKeyLength && value.length <= maxValueLength,
  );
  if (isFine && all.length <= maxTags) return all;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `An object has ${maxTags} tags at most, with short keys and values.`,
    {
      details: {
        field: "tags",
        limit: maxTags,
        remedy: `Use ${maxTags} tags, keys of ${maxKeyLength} characters, values of ${maxValueLength}.`,
      },
    },
  );
}
