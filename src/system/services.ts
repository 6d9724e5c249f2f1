/** What the system API stands on; made in the composition root and passed in. */

import type { GraphQLFormattedError } from "graphql";
import type { Codec } from "../codec/contract.ts";
import type { Collector } from "../collector/contract.ts";
import type { Database } from "../db/contract.ts";
import type { MoveScope, MoveState, PlannedMove } from "../migrate/contract.ts";
import type { Model } from "../model/model.ts";
import type { CapabilityKeyState } from "../object/capability-rotation.ts";
import type { UploadPart, UploadState } from "../object/contract.ts";
import type { BrokenPlugin } from "../plugin/contract.ts";
import type { LoadedPlugin } from "../plugin/load.ts";
import type { DriverPlugin, Stores } from "../store/contract.ts";
import type { RunsHere } from "./collector/runs-here.ts";

/** An upload and where its bytes are sent. */
export type UploadOffer = UploadState & {
  readonly url: string;
  readonly resumableUrl: string | undefined;
};

/** One statement of a plan. */
export interface PlannedChange {
  /** `add-column` and the like. */
  readonly kind: string;
  readonly summary: string;
  /** Empty for a change that is refused. */
  readonly sql: string;
  readonly destructive: boolean;
  /** Null for what belongs to no one type. */
  readonly entity: string | null;
  /** Why the change cannot be made, and what to do; null when it can. */
  readonly refusal: { readonly message: string; readonly remedy: string } | null;
}

/** One difference between the tables and the model. */
export interface Difference {
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  /** True where the API cannot serve the table or column as the model says. */
  readonly breaks: boolean;
}

/** The model that is being served. */
export interface ServedModel {
  readonly model: Model;
  /** Text of the schema file. */
  readonly source: string;
  /** Printed schema of `/graphql`. */
  readonly apiSdl: string;
}

/** One thing that must work for the service to be ready. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

/** What a caller asks of `createUpload`, as in the entity API. */
export interface UploadInput {
  readonly target: {
    readonly type: string;
    readonly field: string;
    readonly key?: Readonly<Record<string, unknown>> | null;
  };
  readonly filename: string;
  readonly kind: "FILE" | "TREE";
  readonly mediaType?: string | null;
  readonly sizeBytes?: string | null;
  readonly sha256?: string | null;
  readonly parts?: number | null;
  readonly files?:
    | readonly {
        readonly path: string;
        readonly sizeBytes: bigint;
        readonly sha256?: string | null;
        readonly parts?: number | null;
      }[]
    | null;
}

/** What can be done with uploads, as in the entity API. */
export interface UploadActions {
  create(input: UploadInput, caller: Caller): Promise<UploadOffer>;
  finish(
    upload: {
      readonly id: string;
      readonly parts: readonly { readonly number: number; readonly etag?: string | null }[];
    },
    caller: Caller,
  ): Promise<UploadOffer>;
  sign(
    parts: { readonly id: string; readonly numbers: readonly number[]; readonly path: string | null },
    caller: Caller,
  ): Promise<readonly UploadPart[]>;
  /** Fills an upload from a URL; answered when all bytes are in. */
  import(
    source: { readonly id: string; readonly url: string },
    caller: Caller & Pick<SystemContext, "patience">,
  ): Promise<UploadOffer>;
  end(id: string, caller: Caller): Promise<UploadOffer>;
  /** Null when there is none. */
  tell(upload: { readonly id: string; readonly path?: string }, caller: Caller): Promise<UploadOffer | null>;
}

/** A row that refers to an object. */
export interface ReferrerRow {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly key: Readonly<Record<string, string>>;
}

/** Values and functions that the resolvers call; each resolver is arguments, one call, result. */
export interface SystemServices {
  readonly version: string;
  readonly startedAt: Date;
  readonly db: Database;
  readonly stores: Stores;
  readonly codecs: readonly Codec[];
  /** File or package of each of them, by name. */
  readonly codecSources: ReadonlyMap<string, string>;
  /** Drivers of plugins. */
  readonly drivers: readonly LoadedPlugin<DriverPlugin>[];
  readonly brokenPlugins: readonly BrokenPlugin[];
  served(): ServedModel;
  plan(): Promise<readonly PlannedChange[]>;
  /** @throws {DESTRUCTIVE_CHANGE} unless allowed. */
  apply(options: { readonly allowDestructive: boolean }): Promise<readonly PlannedChange[]>;
  drift(): Promise<readonly Difference[]>;
  readonly codecChanges: CodecChanges;
  referrers(
    locator: string,
    limit: number,
  ): Promise<{ readonly rows: readonly ReferrerRow[]; readonly heldBy: readonly string[] }>;
  checks(): Promise<readonly HealthCheck[]>;
  readonly capabilityKeys: CapabilityKeyServices;
  readonly collector: Collector;
  readonly runs: RunsHere;
  readonly uploads: UploadActions;
}

/** Fields that change their codec. */
interface CodecChanges {
  states(): Promise<readonly MoveState[]>;
  plan(scope: MoveScope): Promise<readonly PlannedMove[]>;
  /** @throws {CONSTRAINT_VIOLATION} when a field cannot be changed so. */
  begin(by: string, scope: MoveScope): Promise<readonly MoveState[]>;
  abandon(): Promise<readonly MoveState[]>;
  dropOld(): Promise<readonly MoveState[]>;
}

/** The keys that sign capabilities; what is done to them is logged with who did it. */
interface CapabilityKeyServices {
  list(): Promise<readonly CapabilityKeyState[]>;
  rotate(by: string): Promise<CapabilityKeyState>;
  /** @throws {NOT_FOUND} */
  revoke(id: string, by: string): Promise<CapabilityKeyState>;
}

/** Who asks. */
export interface Caller {
  readonly name: string;
  readonly rights: ReadonlySet<"READ" | "WRITE" | "ADMIN">;
  readonly baseUrl: string;
  readonly signal: AbortSignal;
}

/** Context of a request to the system API, as `src/http` gives it. */
export interface SystemContext {
  readonly principal: { readonly name: string; readonly rights: ReadonlySet<"READ" | "WRITE" | "ADMIN"> };
  readonly baseUrl: string;
  readonly signal: AbortSignal;
  /** Keeps the connection of a client that waits for long work. */
  readonly patience?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  /** Where the client can take more than one result: takes the stream. */
  readonly live?:
    | { readonly isGet?: boolean | undefined; stream?: AsyncIterableIterator<SystemResult> }
    | undefined;
}

/** One result of a subscription, errors as clients see them. */
export interface SystemResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly errors?: readonly GraphQLFormattedError[] | undefined;
}
