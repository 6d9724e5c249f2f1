/** Holdfast's own tables as MikroORM entities, for listing. Written only by the functions of the migrations and by `src/object`. */

import { defineEntity, p } from "@mikro-orm/core";

/** A registered store and the policy of its collector. */
export const StoreEntity = defineEntity({
  name: "Store",
  tableName: "store",
  schema: "holdfast",
  properties: {
    name: p.string().primary(),
    /** Interval text: how long after hiding no DELETE may still be on its way. */
    drain: p.string(),
    isDefault: p.boolean().fieldName("is_default"),
    gc: p.enum(["off", "report", "on", "restore"]),
    /** What the marker in the store tells. */
    identity: p.uuid(),
    /** When the marker was first seen. */
    markedAt: p.datetime().fieldName("marked_at").nullable(),
    /** Interval text: how long a condemned object may still be wanted. */
    grace: p.string(),
    /** Interval text: how long the trash is kept. */
    keep: p.string(),
    /** Version of Holdfast whose report somebody has confirmed. */
    confirmedVersion: p.string().fieldName("confirmed_version").nullable(),
    /** Since when the mode is `restore`. */
    restoreSince: p.datetime().fieldName("restore_since").nullable(),
    /** When the objects of the store were set to unverified, and when all of them had been looked at again. */
    restoreResetAt: p.datetime().fieldName("restore_reset_at").nullable(),
    restoreCheckedAt: p.datetime().fieldName("restore_checked_at").nullable(),
  },
});

/** An object: immutable bytes or a folder under one locator. */
export const ObjectEntity = defineEntity({
  name: "Object",
  tableName: "object",
  schema: "holdfast",
  properties: {
    /** `store:path`. */
    locator: p.string().primary(),
    /** Grows with every registration; a locator registered again has another one. */
    gen: p.bigint("string"),
    tree: p.boolean(),
    /** Bytes. */
    size: p.bigint("string").nullable(),
    sha256: p.blob().nullable(),
    versionId: p.string().fieldName("version_id").nullable(),
    /** JSON text: what decoding the head told, remembered. */
    meta: p.string().nullable(),
    dedup: p.string().nullable(),
    createdAt: p.datetime().fieldName("created_at"),
    /** Null: the bytes are not known to be good. */
    verifiedAt: p.datetime().fieldName("verified_at").nullable(),
    /** Unheld since then; advice only. */
    condemnedAt: p.datetime().fieldName("condemned_at").nullable(),
  },
});

/** A reserved key and a promise of bytes. */
export const UploadEntity = defineEntity({
  name: "Upload",
  tableName: "upload",
  schema: "holdfast",
  properties: {
    id: p.uuid().primary(),
    locator: p.string(),
    principal: p.string().nullable(),
    multipart: p.string().nullable(),
    expiresAt: p.datetime().fieldName("expires_at"),
  },
});

/** A killed object whose bytes are to go. */
export const TombstoneEntity = defineEntity({
  name: "Tombstone",
  tableName: "tombstone",
  schema: "holdfast",
  properties: {
    id: p.bigint("string").primary(),
    locator: p.string(),
    tree: p.boolean(),
    size: p.bigint("string").nullable(),
    sha256: p.blob().nullable(),
    versionId: p.string().fieldName("version_id").nullable(),
    killedAt: p.datetime().fieldName("killed_at"),
    claimBy: p.string().fieldName("claim_by").nullable(),
    claimUntil: p.datetime().fieldName("claim_until").nullable(),
    hiddenAt: p.datetime().fieldName("hidden_at").nullable(),
    trash: p.string().nullable(),
    purgeAfter: p.datetime().fieldName("purge_after").nullable(),
  },
});

export const entities = [StoreEntity, ObjectEntity, UploadEntity, TombstoneEntity] as const;
