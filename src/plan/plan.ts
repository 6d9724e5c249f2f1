/** The Plan: one GraphQL query, compiled against the model. Frozen data; values of variables are no part of it. */

import type { FieldNode } from "graphql";
import type { CodecUse } from "../model/model.ts";
import type { Arguments } from "./expression.ts";

/** A query: its root fields in response order, and every place that takes arguments. */
export interface Plan {
  readonly roots: readonly RootField[];
  /** Numbered by `at` of the parts below. */
  readonly places: readonly Place[];
}

/** A place that takes arguments. */
export interface Place {
  readonly arguments: Arguments;
  readonly use:
    | { readonly kind: "plain" | "ids" }
    | { readonly kind: "list" | "groups"; readonly entity: string };
  /** Number of the innermost list around it. */
  readonly within?: number;
}

/** A part that answers with the name of its type. */
export interface TypeName {
  readonly kind: "typename";
  readonly key: string;
  readonly type: string;
}

/** `key` is the name in the response, `at` the place of the arguments in {@link Plan.places}. */
export type RootField =
  | TypeName
  /** `__schema` and `__type`, which graphql-js answers. */
  | { readonly kind: "introspection"; readonly key: string }
  | (UserPart & { readonly kind: "user" })
  /** An upload, of which the object side tells; jobs, of which their own statements do. */
  | {
      readonly kind: "upload" | "jobs" | "jobProgress";
      readonly key: string;
      readonly nodes: readonly [FieldNode, ...FieldNode[]];
    }
  /** Where the answer lies in the stream of changes. */
  | { readonly kind: "changeCursor"; readonly key: string }
  | (RowsByKey & { readonly kind: "row" })
  | {
      readonly kind: "node" | "nodes";
      readonly key: string;
      readonly at: number;
      readonly types: TypeSelections;
    }
  | (ListPlan & { readonly kind: "list" });

/** A field that an extension answers; `field` is its name as `Session.ageDays`, `nodes` what is selected of its value. */
interface UserPart {
  readonly key: string;
  readonly field: string;
  readonly at: number;
  readonly nodes: readonly FieldNode[];
}

/** A field of rows that an extension answers. The statement puts what it needs of the row in its place. */
export interface UserField extends UserPart {
  readonly kind: "user";
  readonly nullable: boolean;
  readonly needs: RowSelection;
}

/** One row, found by columns that determine it; arguments are named by {@link Column.field}. */
interface RowsByKey {
  readonly key: string;
  readonly at: number;
  readonly entity: string;
  readonly columns: readonly string[];
  readonly selection: RowSelection;
}

/** What is selected of each entity, where the type is known only from the id. */
export type TypeSelections = Readonly<Record<string, RowSelection>>;

/** A page of rows. */
export interface ListPlan {
  readonly key: string;
  readonly at: number;
  readonly entity: string;
  readonly selection: readonly ConnectionField[];
}

export type ConnectionField =
  | TypeName
  | { readonly kind: "nodes"; readonly key: string; readonly selection: RowSelection }
  | { readonly kind: "edges"; readonly key: string; readonly selection: readonly EdgeField[] }
  | { readonly kind: "pageInfo"; readonly key: string; readonly selection: readonly PageInfoField[] }
  | { readonly kind: "totalCount"; readonly key: string }
  | { readonly kind: "aggregate"; readonly key: string; readonly selection: readonly AggregateField[] }
  | {
      readonly kind: "groupBy";
      readonly key: string;
      readonly at: number;
      readonly selection: readonly GroupField[];
    };

/** What is told of many rows at once. */
export type AggregateField =
  | TypeName
  | { readonly kind: "count"; readonly key: string }
  | {
      readonly kind: "sum" | "avg" | "min" | "max";
      readonly key: string;
      readonly selection: readonly MeasureField[];
    };

/** The sum, average, smallest or largest value of one column, or of what rows tell of it. */
export type MeasureField =
  | TypeName
  | { readonly kind: "measure"; readonly key: string; readonly column: string }
  | {
      readonly kind: "codecMeasure";
      readonly key: string;
      readonly column: string;
      readonly selection: readonly CodecMeasureField[];
    };

/** The sum, average, smallest or largest of what rows tell of a codec's values; `type` is the GraphQL type of the answer. */
export type CodecMeasureField =
  | TypeName
  | { readonly kind: "field"; readonly key: string; readonly name: string; readonly type: string };

/** A field of one group. */
export type GroupField =
  | TypeName
  | { readonly kind: "key"; readonly key: string; readonly selection: readonly GroupValueField[] }
  | { readonly kind: "aggregate"; readonly key: string; readonly selection: readonly AggregateField[] };

/** A value that the rows of a group share; `field` is {@link GroupKey.field}. */
export type GroupValueField =
  | TypeName
  | { readonly kind: "value"; readonly key: string; readonly field: string };

export type EdgeField =
  | TypeName
  | { readonly kind: "cursor"; readonly key: string }
  | { readonly kind: "node"; readonly key: string; readonly selection: RowSelection };

export type PageInfoField =
  | TypeName
  | {
      readonly kind: "hasNextPage" | "hasPreviousPage" | "startCursor" | "endCursor";
      readonly key: string;
    };

/** Fields of one row, in response order. */
export type RowSelection = readonly RowField[];

/** Pairs of columns that must be equal: of the row at hand, and of the other table. */
export type Links = readonly { readonly own: string; readonly other: string }[];

export type RowField =
  | TypeName
  | { readonly kind: "id" | "rowVersion"; readonly key: string }
  | { readonly kind: "column"; readonly key: string; readonly column: string; readonly nullable: boolean }
  | (CodecPlan & { readonly kind: "codec"; readonly nullable: boolean })
  | (CodecPlan & { readonly kind: "codecList"; readonly part: string; readonly links: Links })
  | {
      readonly kind: "one";
      readonly key: string;
      readonly entity: string;
      readonly links: Links;
      readonly nullable: boolean;
      readonly selection: RowSelection;
    }
  | (ListPlan & { readonly kind: "many"; readonly links: Links })
  | UserField;

/** A codec value. */
export interface CodecPlan {
  readonly key: string;
  /** GraphQL field, for messages: `Recording.traces`. */
  readonly field: string;
  readonly column: string;
  readonly use: CodecUse;
  readonly selection: readonly CodecPart[];
}

/** A field of a codec's output type. `shape` is there when its value is an object, or a list of them. */
export type CodecPart =
  | TypeName
  | {
      readonly kind: "part";
      readonly key: string;
      readonly name: string;
      readonly at: number;
      /** GraphQL type without `!`: `BigInt`, `[Int!]`. */
      readonly type: string;
      readonly nullable: boolean;
      readonly shape?: readonly ShapeField[];
    };

/** A selected field of a plain object. */
export type ShapeField =
  | TypeName
  | {
      readonly kind: "value";
      readonly key: string;
      readonly name: string;
      readonly shape?: readonly ShapeField[];
    };
