/** Where the write side meets an extension: hooks around the writes of rows, and mutation fields of its own. `src/api/extend` does it. */

import type { Transaction } from "../../db/contract.ts";
import type { Entity } from "../../model/model.ts";
import type { Inside, OperationRequest } from "./contract.ts";
import type { Input } from "./input-field.ts";
import type { RowPlan, WriteScope } from "./write-plan.ts";

/** A row's input and its place in the request. */
export interface PlacedInput {
  readonly input: Input;
  readonly place: string;
}

/** What an extension adds to writes. */
export interface WriteExtension {
  /** Inputs as the hooks leave them, those nested in them included. */
  beforeCreate(
    request: OperationRequest,
    entity: Entity,
    creates: { readonly inputs: readonly PlacedInput[]; readonly how: "create" | "upsert" | "skip" },
  ): Promise<readonly PlacedInput[]>;
  /** A patch as the hooks leave it. */
  beforeUpdate(
    request: OperationRequest,
    entity: Entity,
    change: { readonly key?: Input; readonly where?: Input; readonly set: Input },
  ): Promise<Input>;
  /** Begins to look at one try of a request's transaction. */
  open(request: OperationRequest, transaction: Transaction): WriteAttempt;
  /** Plans a mutation field of the extension. */
  plan(scope: WriteScope, field: string): RowPlan;
}

/** Rows of one table, by the PostgreSQL text of their keys. */
export interface KeyedRows {
  readonly entity: Entity;
  readonly keys: readonly (readonly string[])[];
}

/** One try of a transaction, told of every row that it writes. */
export interface WriteAttempt {
  /** Whether anything is to be told of rows of this table. */
  watches(entity: Entity): boolean;
  /** Looks at rows that are about to change; absent ones are no fault. */
  look(rows: KeyedRows): Promise<void>;
  /** Tells of rows that were written. @throws {CONFLICT} when one was changed that was not there at the look. */
  wrote(entity: Entity, rows: readonly { readonly key: readonly string[]; readonly isNew: boolean }[]): void;
  /** Asks the hooks about rows that are to go; they are locked. */
  doom(rows: readonly KeyedRows[]): Promise<void>;
  /** Tells the hooks of everything since the last call. */
  settle(): Promise<void>;
  /** Does what will be undone: the hooks are asked and told, and nothing of it is ever committed. */
  rehearse<T>(work: () => Promise<T>): Promise<T>;
  /** Tells them that it is committed. Waits for nothing. */
  committed(): void;
  /** For operations that run inside this one. */
  readonly inside: Inside;
}
