/** Documented limits of reading. Every refusal names the number and the setting. */

import type { GroupLimits } from "../sql/groups.ts";
import type { PageLimits } from "../sql/select-page.ts";

/** Limits of requests to the entity API. */
export interface ApiLimits extends PageLimits, GroupLimits {
  /** Rows that one query may ask for by its page sizes, multiplied along nested lists. */
  readonly maxRows: number;
  /** Levels of braces, brackets and parentheses in a document. */
  readonly maxDepth: number;
  /** Characters of a document. */
  readonly maxDocumentLength: number;
  /** Tokens of a document. */
  readonly maxTokens: number;
  /** Bytes of one codec value that is answered inline. */
  readonly inlineLimitBytes: number;
  /** Bytes of JSON text in one answer. */
  readonly maxAnswerBytes: number;
  /** Stored values that one request reads at a time. */
  readonly parallelReads: number;
  /** Plans that are kept. */
  readonly cachedPlans: number;
}

/** Limits where nothing else is configured. */
export const defaultApiLimits: ApiLimits = {
  defaultPageSize: 100,
  maxPageSize: 1000,
  maxGroups: 10_000,
  maxRows: 5_000_000,
  maxDepth: 100,
  maxDocumentLength: 200_000,
  maxTokens: 20_000,
  inlineLimitBytes: 8 * 1024 * 1024,
  maxAnswerBytes: 128 * 1024 * 1024,
  parallelReads: 8,
  cachedPlans: 1000,
};

/** What a limit is called in refusals: the environment variable that changes it, or its name in {@link ApiLimits}. */
export const limitSettings: Readonly<Record<keyof ApiLimits, string>> = {
  defaultPageSize: "limits.defaultPageSize",
  maxPageSize: "HOLDFAST_MAX_PAGE",
  maxGroups: "limits.maxGroups",
  maxRows: "limits.maxRows",
  maxDepth: "limits.maxDepth",
  maxDocumentLength: "limits.maxDocumentLength",
  maxTokens: "limits.maxTokens",
  inlineLimitBytes: "limits.inlineLimitBytes",
  maxAnswerBytes: "limits.maxAnswerBytes",
  parallelReads: "limits.parallelReads",
  cachedPlans: "limits.cachedPlans",
};
