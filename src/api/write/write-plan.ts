/** What a mutation field is turned into before the transaction opens. */

import type { FieldNode, GraphQLField } from "graphql";
import type { Transaction } from "../../db/contract.ts";
import type { Entity } from "../../model/model.ts";
import type { OperationRequest, ReadBackAnswer, WriteField, WriteServices } from "./contract.ts";
import type { WriteAttempt } from "./extension.ts";
import type { PendingValue } from "./row-draft.ts";
import type { TableCount } from "./write-rows.ts";

/** A root field of a mutation with its coerced arguments. */
export interface MutationField {
  readonly responseName: string;
  readonly nodes: readonly [FieldNode, ...FieldNode[]];
  readonly definition: GraphQLField<unknown, unknown>;
  readonly does: WriteField;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Everything that planning and running a field needs. */
export interface WriteScope {
  readonly services: WriteServices;
  readonly request: OperationRequest;
  readonly field: MutationField;
}

/** Rows as the payload's fields of each response name select them, read inside the transaction, completed after it. */
export type ShownRows = ReadonlyMap<string, () => Promise<ReadBackAnswer>>;

/** What a field answers with, before it is shaped. */
export type FieldResult =
  | {
      readonly kind: "rows";
      readonly entity: Entity;
      readonly many: boolean;
      readonly rows: ShownRows;
      readonly count: number;
      readonly skipped: number;
      readonly affected: readonly TableCount[];
    }
  /** A plain object with the fields of its GraphQL type. */
  | { readonly kind: "plain"; readonly value: unknown }
  /** What an extension answered; the rest of it is read after the commit. */
  | { readonly kind: "user"; finish(): Promise<ReadBackAnswer> };

/** A field, ready for the transaction. `run` may be called again when a try was rolled back. */
export interface RowPlan {
  readonly kind: "rows";
  /** Values to encode and stage before. */
  readonly pending: readonly PendingValue[];
  run(transaction: Transaction, attempt?: WriteAttempt): Promise<FieldResult>;
}

/** A field whose work is done and needs no transaction. */
export interface DonePlan {
  readonly kind: "done";
  readonly result: FieldResult;
}

export type WritePlan = RowPlan | DonePlan;
