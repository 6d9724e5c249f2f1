/** Counts of what was exercised, so that an emptiness of the generators is noticed. */

import type { Compared } from "./suite.ts";

const equality = ["eq", "neq", "isNull"];
const lists = ["in", "notIn"];
const ranges = ["lt", "lte", "gt", "gte"];
const numbers = ["Int", "BigInt", "Decimal", "Float", "Float32", "Float64"];
const ordered = [...numbers, "Date", "DateTime", "String", "UUID"];
const periods = ["year", "month", "week", "day", "hour"];

const each = (
  names: readonly string[],
  tell: (name: string) => string | readonly string[],
): readonly string[] => names.flatMap(tell);

const codecFields: Readonly<Record<string, readonly string[]>> = {
  "NdArray of <npy> in store": ["dtype", "shape", "sizeBytes", "values", "base64"],
  "Blob of <blob> in store": ["kind", "sizeBytes"],
  "Blob of <blob> in row": ["kind", "sizeBytes"],
  "File of <attach> in store": ["name", "mediaType", "sizeBytes", "digest", "text"],
  "File of <attach> in row": ["name", "mediaType", "sizeBytes", "digest", "text"],
  "File of <hash> in store": ["name", "mediaType", "sizeBytes", "digest", "text"],
  "Tree of <object> in store": ["sizeBytes", "itemCount", "isDirectory", "entries"],
  "FileRef of <filepath> in store": ["path", "store", "sizeBytes", "isDirectory", "modifiedAt", "status"],
  "JsonDocument of <json> in store": ["kind", "sizeBytes", "value", "raw"],
  "JsonDocument of <json> in row": ["kind", "sizeBytes", "value", "raw"],
  "TextFile of <text> in store": ["sizeBytes", "length", "lineCount", "digest", "text"],
  "TextFile of <text> in row": ["sizeBytes", "length", "lineCount", "digest", "text"],
  "Zarr of <zarr> in store": [
    ...["dtype", "shape", "zarrFormat", "sizeBytes", "itemCount", "values", "base64"],
  ],
  "TableFile of <parquet> in store": ["format", "rowCount", "columnCount", "sizeBytes", "rows"],
};

const codecFilters: Readonly<Record<string, readonly string[]>> = {
  NdArray: ["dtype", "shape", "sizeBytes", "isNull"],
  Blob: ["kind", "sizeBytes", "isNull"],
  File: ["name", "mediaType", "sizeBytes", "digest", "isNull"],
  Tree: ["sizeBytes", "itemCount", "isDirectory", "isNull"],
  FileRef: ["path", "store", "sizeBytes", "isDirectory", "modifiedAt", "isNull"],
  JsonDocument: ["kind", "sizeBytes", "isNull"],
  TextFile: ["sizeBytes", "length", "lineCount", "digest", "isNull"],
  Zarr: ["dtype", "shape", "zarrFormat", "sizeBytes", "itemCount", "isNull"],
  TableFile: ["format", "rowCount", "columnCount", "sizeBytes", "isNull"],
};

/** Of `File.mediaType` and the like not every codec's rows tell; `modifiedAt` of folders is what the store says now. */
const codecOrders: readonly string[] = [
  ...["NdArray.dtype", "NdArray.sizeBytes", "Blob.kind", "Blob.sizeBytes", "File.name", "File.mediaType"],
  ...["File.sizeBytes", "File.digest", "Tree.sizeBytes", "Tree.itemCount", "Tree.isDirectory"],
  ...["FileRef.path", "FileRef.store", "FileRef.sizeBytes", "FileRef.isDirectory", "FileRef.modifiedAt"],
  ...["JsonDocument.kind", "JsonDocument.sizeBytes", "TextFile.sizeBytes", "TextFile.digest"],
  ...["Zarr.dtype", "Zarr.zarrFormat", "Zarr.sizeBytes", "Zarr.itemCount"],
  ...["TableFile.format", "TableFile.rowCount", "TableFile.columnCount", "TableFile.sizeBytes"],
];
const jsonOperators: readonly string[] = [
  ...["eq", "neq", "in", "notIn", "lt", "lte", "gt", "gte", "contains", "containedBy", "hasKey", "hasKeys"],
  ...["hasAnyKey", "exists", "isNull", "number", "text", "length", "some", "every", "none", "at", "and"],
  ...["or", "not"],
];
const listOperators = ["eq", "neq", "has", "hasEvery", "hasSome", "length", "isEmpty", "isNull"];
const knownQuery = "query answered again as a known one";

/** Everything that must occur in a whole run. */
const required: readonly string[] = [
  knownQuery,
  "position in the changes",
  ...each(jsonOperators, (name) => `filter JSON ${name}`),
  ...each(listOperators, (name) => `filter list ${name}`),
  ...each(
    [...numbers, "String", "Boolean", "Date", "DateTime", "UUID", "JSON"],
    (name) => `filter list of ${name}`,
  ),
  ...each(codecOrders, (part) => [
    `order by ${part}`,
    `min of ${part}`,
    `max of ${part}`,
    `having of ${part}`,
  ]),
  ...each(codecOrders, (part) => (part.endsWith("sizeBytes") ? [`sum of ${part}`, `avg of ${part}`] : [])),
  "sum of Tree.itemCount",
  "avg of Tree.itemCount",
  "order by children's codec values",
  ...each(ordered, (name) => each([...equality, ...lists, ...ranges], (one) => `filter ${name} ${one}`)),
  ...each(["like", "ilike", "startsWith", "endsWith", "contains"], (one) => `filter String ${one}`),
  ...each(["Boolean", "Bytes"], (name) => each(equality, (one) => `filter ${name} ${one}`)),
  ...each([...equality, ...lists], (one) => `filter enum ${one}`),
  ...each(
    Object.entries(codecFilters).flatMap(([type, names]) => names.map((name) => `${type} ${name}`)),
    (one) => `filter ${one}`,
  ),
  ...each(
    ["and", "or", "not", "and of nothing", "or of nothing", "some", "every", "none"],
    (one) => `filter ${one}`,
  ),
  "filter by a reference",
  "filter by a reference that is there",
  "filter by the one child",
  "filter that takes some rows and leaves others",
  ...each([...ordered, "Boolean", "enum"], (name) => [
    `order by ${name}`,
    `group by ${name}`,
    `min of ${name}`,
    `max of ${name}`,
  ]),
  ...each(numbers, (name) => [`sum of ${name}`, `avg of ${name}`]),
  ...each(["ASC", "DESC"], (way) => [`order ${way}`, `order ${way}_NULLS_FIRST`, `order ${way}_NULLS_LAST`]),
  ...each(["count", "sum", "avg", "min", "max"], (name) => [`order by children's ${name}`, `having ${name}`]),
  "order through a reference",
  "order by more than one term",
  ...each(periods, (name) => `group by ${name}`),
  "group by Bytes",
  "group by more than one key",
  "groups of more than one row",
  "groups in an order of aggregates",
  "having that takes some groups and leaves others",
  ...each(["and", "or", "not"], (name) => `having ${name}`),
  "fewer groups by first",
  ...each(
    ["from the start", "from the end", "behind an offset", "behind a cursor", "before a cursor"],
    (at) => `page ${at}`,
  ),
  "page between cursors",
  "page behind a cursor of a row that is gone or changed",
  "page of the usual size",
  "page with rows beside it",
  "page of two rows or more",
  ...each(["hasNextPage", "hasPreviousPage"], (name) => [`${name} true`, `${name} false`]),
  ...each([...ordered, "Boolean", "Bytes", "JSON", "enum"], (name) => `value of ${name}`),
  ...each(
    [
      "Int",
      "String",
      "Float",
      "BigInt",
      "Boolean",
      "Decimal",
      "Date",
      "DateTime",
      "Float64",
      "Float32",
      "UUID",
      "JSON",
    ],
    (name) => `value of list of ${name}`,
  ),
  ...each(Object.keys(codecFilters), (name) => [`value of ${name}`, `list of ${name}`]),
  ...Object.entries(codecFields).flatMap(([of, names]) => {
    const [type, rest] = of.split(" of ");
    return names.map((name) => `${type}.${name} of ${rest}`);
  }),
  "row by its key",
  "row by a unique",
  "node by its id",
  "node that is not there",
  "error at a place: VALUE_NOT_FINITE",
  "refused: BAD_USER_INPUT",
  "refused: LIMIT_EXCEEDED",
  "refused: message of graphql-js",
  "alias",
  "alias that objects know",
  "field selected twice",
  "__typename",
  "introspection",
  "several root fields",
  "inline fragment",
  "inline fragment without a type",
  "inline fragment on an interface",
  "fragments on types of an interface",
  "named fragment",
  "named fragment spread twice",
  ...each(["skip", "include"], (name) => [`@${name} by a literal`, `@${name} by a variable`]),
  "scalar in a variable",
  "list in a variable",
  "input object in a variable",
  "one value for a list",
  "null",
  "null by a variable",
  "null for a default that must not be null",
  "variable by its default",
  "variable that is not given, as an argument",
  "variable that is not given, in an object",
  "variables that do not fit",
  "document that is not valid",
  "document again, with other variables",
  ...each(
    ["update", "update many", "delete", "delete many", "create many", "upsert"],
    (one) => `write that is done: ${one}`,
  ),
  ...each(["ABORT", "SKIP", "UPDATE"], (rule) => `write: create many, ${rule}`),
  "write: delete many, dry",
  "write refused: LIMIT_EXCEEDED",
  "write refused: CONSTRAINT_VIOLATION",
];

/** Counts over all models. */
export class Tally {
  /** Parts of the served schemas that the oracle does not know. */
  readonly skipped = new Set<string>();
  readonly counts = new Map<string, number>();
  models = 0;
  operations = 0;
  refused = 0;
  faulty = 0;
  unsure = 0;
  writes = 0;

  addModel(): void {
    this.models += 1;
  }

  add({ wanted, features }: Compared, used: ReadonlySet<string>): void {
    this.operations += 1;
    if (features.unsure !== undefined) {
      this.unsure += 1;
      return;
    }
    for (const feature of used) this.#count(feature);
    if (wanted.kind === "refused") {
      this.refused += 1;
      for (const code of wanted.codes ?? ["message of graphql-js"]) this.#count(`refused: ${code}`);
      return;
    }
    if (wanted.errors.length > 0) this.faulty += 1;
    for (const { code } of wanted.errors) this.#count(`error at a place: ${code}`);
    for (const feature of features.met) this.#count(feature);
  }

  /** Queries that were answered once more as known ones, and alike. */
  addKnown(queries: number): void {
    if (queries > 0) this.counts.set(knownQuery, (this.counts.get(knownQuery) ?? 0) + queries);
  }

  /** A write, and the code it was refused with. */
  addWrite(name: string, code: string | undefined): void {
    this.operations += 1;
    this.writes += 1;
    this.#count(`write: ${name}`);
    if (code === undefined) this.#count(`write that is done: ${name.replace(/,.*/, "")}`);
    else this.#count(`write refused: ${code}`);
  }

  #count(feature: string): void {
    this.counts.set(feature, (this.counts.get(feature) ?? 0) + 1);
  }

  /** What must occur and did not. */
  get missing(): readonly string[] {
    return required.filter((feature) => !this.counts.has(feature));
  }

  /** Every feature and how often it occurred. */
  get lines(): readonly string[] {
    return [...this.counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${String(count).padStart(7)}  ${name}`);
  }
}
