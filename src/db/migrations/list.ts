/**
 * Every migration of Holdfast's own schema `holdfast`, in the order they run.
 *
 * To add one: a file `NNNN-topic.ts` beside this one that exports a {@link MigrationText} whose `name` is the file's, and a line at the
 * end of {@link migrations}. All pending ones run in one transaction, so no CONCURRENTLY. One that has been released is never
 * changed or removed: its name is in people's databases, and an unknown name there means "made by a newer Holdfast".
 */

import { integrity } from "./0001-integrity.ts";
import { uploads } from "./0002-uploads.ts";
import { identity } from "./0003-identity.ts";
import { applied } from "./0004-applied.ts";
import { changes } from "./0005-changes.ts";
import { uploadParts } from "./0006-upload-parts.ts";
import { uploadResume } from "./0007-upload-resume.ts";
import { storeIdentity } from "./0008-store-identity.ts";
import { imports } from "./0009-imports.ts";
import { collector } from "./0010-collector.ts";
import { collectorTruth } from "./0011-collector-truth.ts";
import { restore } from "./0013-restore.ts";
import { codecs } from "./0014-codecs.ts";
import { guardWithoutLocks } from "./0017-guard-without-locks.ts";
import { codecMigrations } from "./0018-codec-migrations.ts";
import { adoptInSteps } from "./0019-adopt-in-steps.ts";
import { renamesEverywhere } from "./0020-renames-everywhere.ts";

/** One step of the schema: its name for ever, and SQL text, several statements each. */
export interface MigrationText {
  readonly name: string;
  readonly sql: readonly string[];
}

export const migrations: readonly MigrationText[] = [
  integrity,
  uploads,
  identity,
  applied,
  changes,
  uploadParts,
  uploadResume,
  storeIdentity,
  imports,
  collector,
  collectorTruth,
  restore,
  codecs,
  guardWithoutLocks,
  codecMigrations,
  adoptInSteps,
  renamesEverywhere,
];
