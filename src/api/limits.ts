/** Documented limits of the entity API. Every refusal names the number and the setting. */

import { ServiceError } from "../errors.ts";
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
  /** Operations and fragments of a document. */
  readonly maxDefinitions: number;
  /** Aliases of a document. */
  readonly maxAliases: number;
  /** Pairs of selections of one field at one place of a document; validation compares each pair. */
  readonly maxRepeats: number;
  /** Root fields of an operation. */
  readonly maxRootFields: number;
  /** Fields of an operation once its fragments are spread. */
  readonly maxFields: number;
  /** Conditions of one filter, those in `and`, `or` and `not` included. */
  readonly maxConditions: number;
  /** Values in the lists of one filter. */
  readonly maxValues: number;
  /** Levels of lists and objects in a variable. */
  readonly maxVariableDepth: number;
  /** Lists that one operation asks of introspection: `types`, `fields`, `args` and the like, wherever they stand. */
  readonly maxIntrospectionLists: number;
  /** Planning of one operation, in milliseconds. */
  readonly planningMs: number;
  /** One SQL statement, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Bytes of one codec value that is answered inline. */
  readonly inlineLimitBytes: number;
  /** Bytes of JSON text in one answer. */
  readonly maxAnswerBytes: number;
  /** Stored values that one request reads at a time. */
  readonly parallelReads: number;
  /** One call of an extension's function, in milliseconds. */
  readonly extensionMs: number;
  /** Plans that are kept. */
  readonly cachedPlans: number;
  /** Documents that are kept for clients that send digests (APQ). */
  readonly cachedDocuments: number;
  /** Subscriptions that are open at a time, of all clients. */
  readonly maxSubscriptions: number;
  /** Changes that wait for one client; beyond it they are read from the record again when it has room. */
  readonly maxQueuedChanges: number;
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
  maxDefinitions: 200,
  maxAliases: 1000,
  maxRepeats: 100_000,
  maxRootFields: 200,
  maxFields: 10_000,
  maxConditions: 1000,
  maxValues: 50_000,
  maxVariableDepth: 1000,
  maxIntrospectionLists: 40,
  planningMs: 1000,
  statementTimeoutMs: 30_000,
  inlineLimitBytes: 8 * 1024 * 1024,
  maxAnswerBytes: 128 * 1024 * 1024,
  parallelReads: 8,
  extensionMs: 10_000,
  cachedPlans: 1000,
  cachedDocuments: 1000,
  maxSubscriptions: 10_000,
  maxQueuedChanges: 1000,
};

/** The environment variable that changes a limit; refusals name it. */
export const limitSettings: Readonly<Record<keyof ApiLimits, string>> = {
  defaultPageSize: "HOLDFAST_PAGE",
  maxPageSize: "HOLDFAST_MAX_PAGE",
  maxGroups: "HOLDFAST_MAX_GROUPS",
  maxRows: "HOLDFAST_MAX_ROWS",
  maxDepth: "HOLDFAST_MAX_DEPTH",
  maxDocumentLength: "HOLDFAST_MAX_DOCUMENT",
  maxTokens: "HOLDFAST_MAX_TOKENS",
  maxDefinitions: "HOLDFAST_MAX_DEFINITIONS",
  maxAliases: "HOLDFAST_MAX_ALIASES",
  maxRepeats: "HOLDFAST_MAX_REPEATS",
  maxRootFields: "HOLDFAST_MAX_ROOT_FIELDS",
  maxFields: "HOLDFAST_MAX_FIELDS",
  maxConditions: "HOLDFAST_MAX_CONDITIONS",
  maxValues: "HOLDFAST_MAX_VALUES",
  maxVariableDepth: "HOLDFAST_MAX_VARIABLE_DEPTH",
  maxIntrospectionLists: "HOLDFAST_MAX_INTROSPECTION",
  planningMs: "HOLDFAST_PLANNING_MS",
  statementTimeoutMs: "HOLDFAST_STATEMENT_TIMEOUT_MS",
  inlineLimitBytes: "HOLDFAST_INLINE_LIMIT",
  maxAnswerBytes: "HOLDFAST_ANSWER_LIMIT",
  parallelReads: "HOLDFAST_PARALLEL_READS",
  extensionMs: "HOLDFAST_EXTENSION_MS",
  cachedPlans: "HOLDFAST_CACHED_PLANS",
  cachedDocuments: "HOLDFAST_APQ_DOCUMENTS",
  maxSubscriptions: "HOLDFAST_MAX_SUBSCRIPTIONS",
  maxQueuedChanges: "HOLDFAST_MAX_QUEUED_CHANGES",
};

/** Largest values where PostgreSQL, or memory, sets one; 2^31 - 1 elsewhere. */
const largest: Partial<Record<keyof ApiLimits, number>> = {
  maxPageSize: 100_000,
  defaultPageSize: 100_000,
  maxDepth: 500,
  maxConditions: 10_000,
  maxVariableDepth: 1000,
  maxRows: Number.MAX_SAFE_INTEGER,
  parallelReads: 1000,
};

/** Reads the limits that the environment sets. @throws {CONFIG_INVALID} for what is no whole number in its range. */
export function apiLimitsFrom(environment: Readonly<Record<string, string | undefined>>): ApiLimits {
  const read = (name: keyof ApiLimits): number => {
    const setting = limitSettings[name];
    const text = environment[setting];
    if (text === undefined || text === "") return defaultApiLimits[name];
    const most = largest[name] ?? 2 ** 31 - 1;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= most) return value;
    const expected = `a whole number from 1 to ${most}`;
    throw new ServiceError(
      "CONFIG_INVALID",
      `${setting} is ${JSON.stringify(text)}; it must be ${expected}.`,
      {
        details: { field: setting, value: text, remedy: `Set ${setting} to ${expected}.` },
      },
    );
  };
  // The keys of limitSettings are those of ApiLimits, each once.
  const names = Object.keys(limitSettings) as (keyof ApiLimits)[];
  return Object.assign({ ...defaultApiLimits }, ...names.map((name) => ({ [name]: read(name) })));
}

/** The refusal of a request beyond a limit: what it has, the number, the setting. */
export function beyondLimit(
  what: string,
  name: keyof ApiLimits,
  limits: ApiLimits,
  details: { readonly field?: string; readonly remedy?: string } = {},
): ServiceError {
  const setting = limitSettings[name];
  const remedy = details.remedy === undefined ? "" : ` ${details.remedy}`;
  return new ServiceError("LIMIT_EXCEEDED", `${what}; the limit is ${limits[name]} (${setting}).${remedy}`, {
    details: { ...details, limit: limits[name], setting },
  });
}
