/** The part of the schema that does not depend on the model: Node, pages, filters of scalars, uploads, scalars. */

import { scalars } from "./scalar/scalars.ts";
import { jsonFilterSdl, listFilterSdl } from "./schema-sdl-json.ts";

const equality = ["eq", "neq"];
const order = ["lt", "lte", "gt", "gte"];
const text = ["like", "ilike", "startsWith", "endsWith", "contains"];

/** Operators by the scalar they compare; every filter has `isNull` too. */
const filterOperators: Readonly<Record<string, readonly string[]>> = {
  Int: [...equality, "in", "notIn", ...order],
  BigInt: [...equality, "in", "notIn", ...order],
  Float: [...equality, "in", "notIn", ...order],
  Float32: [...equality, "in", "notIn", ...order],
  Float64: [...equality, "in", "notIn", ...order],
  Decimal: [...equality, "in", "notIn", ...order],
  Date: [...equality, "in", "notIn", ...order],
  DateTime: [...equality, "in", "notIn", ...order],
  String: [...equality, "in", "notIn", ...order, ...text],
  UUID: [...equality, "in", "notIn", ...order],
  Boolean: [...equality],
  Bytes: [...equality],
};

/** Scalars whose values have an order that lists can follow. */
export function isOrdered(scalar: string): boolean {
  return filterOperators[scalar]?.includes("lt") === true || scalar === "Boolean";
}

/** SDL of one shared filter input. */
function filterInput(scalar: string, operators: readonly string[]): string {
  const fields = operators.map((name) =>
    name === "in" || name === "notIn" ? `  ${name}: [${scalar}!]` : `  ${name}: ${scalar}`,
  );
  return `input ${scalar}Filter {\n${[...fields, "  isNull: Boolean"].join("\n")}\n}\n`;
}

/** SDL of everything shared; `elements` are the scalars of which there are lists. */
export function sharedSdl(elements: ReadonlySet<string>): string {
  const scalarSdl = scalars.map((scalar) => {
    const link =
      scalar.specifiedBy === undefined ? "" : ` @specifiedBy(url: ${JSON.stringify(scalar.specifiedBy)})`;
    return `${JSON.stringify(scalar.description)}\nscalar ${scalar.name}${link}\n`;
  });
  const filters = Object.entries(filterOperators).map(([scalar, names]) => filterInput(scalar, names));
  const lists = [...elements].sort().map(listFilterSdl);
  return [...scalarSdl, fixed, ...filters, jsonFilterSdl(), ...lists].join("\n");
}

// Tools made before @oneOf became a part of GraphQL need its definition to read this text.
const fixed = `"Exactly one field of the input is given, and that one is not null."
directive @oneOf on INPUT_OBJECT

"A row with an id that is unique in the whole service."
interface Node {
  "Opaque: type and key."
  id: ID!
}

"Where a page lies in its list."
type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
  endCursor: String
}

"Rows of one table that a mutation changed."
type TableCount {
  table: String!
  count: Int!
}

"ASC puts missing values last and DESC puts them first, unless the value says otherwise."
enum OrderDirection {
  ASC
  DESC
  ASC_NULLS_FIRST
  ASC_NULLS_LAST
  DESC_NULLS_FIRST
  DESC_NULLS_LAST
}

"What to do with a row whose key exists: refuse the whole request, keep the old row, or set its other fields."
enum OnConflict {
  ABORT
  SKIP
  UPDATE
}

"What became of a row."
enum ChangeKind {
  CREATED
  UPDATED
  DELETED
}

enum UploadKind {
  FILE
  TREE
}

enum UploadStatus {
  OPEN
  "All bytes are in; complete it."
  RECEIVED
  "The service is putting it together or reading it back; complete it again to wait for that."
  VERIFYING
  "A row may take it, or has it."
  COMPLETE
  "Too old, aborted, or refused for good."
  EXPIRED
}

"The field that an upload is for; only that field can take it."
input UploadTarget {
  "Type name, for example Recording."
  type: String!
  "Field name, for example traces."
  field: String!
  "The row's key, as in RecordingKey; without it the stored path has no key part."
  key: JSON
}

input CreateUploadInput {
  target: UploadTarget!
  filename: String!
  sizeBytes: BigInt
  "64 hexadecimal digits; checked when the bytes are in."
  sha256: String
  mediaType: String
  "Send the file in about so many parts, straight to its store, where the store takes any. Needs sizeBytes."
  parts: Int
  "The files of a folder, 10,000 at most, where they are known: exactly these must arrive."
  files: [UploadFileInput!]
  kind: UploadKind = FILE
}

"A file of a folder, before it is sent."
input UploadFileInput {
  "Relative to the folder."
  path: String!
  sizeBytes: BigInt!
  "64 hexadecimal digits."
  sha256: String
  "Send it in about so many parts, straight to its store; without it, PUT it to url/path."
  parts: Int
}

"A part that was sent, and the ETag that the store answered: compared before the parts are put together."
input UploadPartInput {
  number: Int!
  etag: String
}

"One part of a file: PUT exactly so many bytes to its url."
type UploadPart {
  "From 1."
  number: Int!
  sizeBytes: BigInt!
  "Null where none was signed: signUploadParts signs one."
  url: String
  expiresAt: DateTime
  isReceived: Boolean!
}

"A file of a folder, as declared."
type UploadFile {
  path: String!
  sizeBytes: BigInt!
  "Null for a file that is PUT to url/path."
  partCount: Int
  "Arrived; of a file by parts: put together and read back."
  isReceived: Boolean!
}

"A reserved key and a promise of bytes: PUT them to the url (of a folder: to url/relative/path), then complete it."
type Upload {
  id: ID!
  url: String!
  "Takes a file in several requests, through restarts of either side, by the tus protocol 1.0; null for a folder, and where parts were asked for."
  resumableUrl: String
  "Null where the bytes go to the url."
  parts: [UploadPart!]
  "Null where none were declared."
  files: [UploadFile!]
  kind: UploadKind!
  state: UploadStatus!
  receivedBytes: BigInt!
  expiresAt: DateTime!
}
`;
