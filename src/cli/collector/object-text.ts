/** One object in words: what it is, what holds it, what was done to it. */

import { byteText } from "../byte-text.ts";

/** A killed object whose bytes are still there. */
export interface RemovedRow {
  readonly locator: string;
  readonly isTree: boolean;
  readonly sizeBytes: string | null;
  readonly state: string;
  readonly killedAt: string;
  readonly hiddenAt: string | null;
  readonly purgeAfter: string | null;
}

/** All that is known of one locator. */
export interface KeptObject {
  readonly object: {
    readonly isTree: boolean;
    readonly sizeBytes: string | null;
    readonly sha256: string | null;
    readonly createdAt: string;
    readonly verifiedAt: string | null;
    readonly isCondemned: boolean;
    readonly condemnedAt: string | null;
    readonly holds: readonly string[];
    readonly referrers: readonly {
      readonly schema: string;
      readonly table: string;
      readonly column: string;
      readonly key: Readonly<Record<string, string>>;
    }[];
  } | null;
  readonly removed: readonly RemovedRow[];
  readonly audit: readonly {
    readonly at: string;
    readonly run: string | null;
    readonly by: string;
    readonly step: string;
    readonly details: object | null;
  }[];
}

/** What is known, a fact a line. */
export function keptText(locator: string, { object, removed, audit }: KeptObject): string {
  const lines = [locator, ...(object === null ? ["  no object any more"] : objectLines(object))];
  for (const row of removed) lines.push(`  ${removedText(row)}`);
  if (audit.length > 0) lines.push("  audit:");
  for (const { at, step, by, run, details } of audit) {
    const more = details === null ? "" : ` ${JSON.stringify(details)}`;
    lines.push(`    ${at} ${step} by ${by}${run === null ? "" : `, run ${run}`}${more}`);
  }
  return lines.join("\n");
}

function objectLines(object: NonNullable<KeptObject["object"]>): string[] {
  const { isTree, sizeBytes, sha256, createdAt, verifiedAt, holds, referrers } = object;
  const size = sizeBytes === null ? "size not known" : byteText(Number(sizeBytes));
  return [
    `  ${isTree ? "folder" : "file"}, ${size}${sha256 === null ? "" : `, sha256 ${sha256}`}`,
    `  created ${createdAt}, ${verifiedAt === null ? "not verified" : `verified ${verifiedAt}`}`,
    `  held by ${holds.length === 0 ? "nothing" : holds.join(", ")}`,
    ...(object.isCondemned
      ? [`  condemned${object.condemnedAt === null ? "" : ` ${object.condemnedAt}`}`]
      : []),
    ...referrers.map(
      ({ schema, table, column, key }) =>
        `  referred to by ${schema}.${table} ${column} ${JSON.stringify(key)}`,
    ),
  ];
}

/** Since when it is removed, and until when it can be revived. */
export function removedText({ state, killedAt, hiddenAt, purgeAfter }: RemovedRow): string {
  if (state === "QUEUED") return `killed ${killedAt}, its bytes are untouched`;
  if (state === "CLAIMED") return `killed ${killedAt}, its bytes are being moved to the trash`;
  return `in the trash since ${hiddenAt}${purgeAfter === null ? "" : `, at least until ${purgeAfter}`}`;
}
