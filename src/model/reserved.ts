/** Every name that a schema may not use, because the API has it: fixed ones, and those derived from entities and enums. */

import type { ModelContext } from "./model.ts";
import { camelCase, upperFirst } from "./naming.ts";
import { scalarRules } from "./spec.ts";

/** Type names that belong to GraphQL or to the API, whatever the schema. */
const fixedTypeNames: readonly string[] = [
  "Query",
  "Mutation",
  "Subscription",
  "ID",
  "Node",
  "PageInfo",
  "Upload",
  "UploadPart",
  "UploadKind",
  "UploadPartInput",
  "UploadFile",
  "UploadFileInput",
  "CreateUploadInput",
  "UploadTarget",
  "UploadTargetInput",
  "UploadStatus",
  "Job",
  "JobConnection",
  "JobEdge",
  "JobProgress",
  "JobStatus",
  "JobTable",
  "RefreshJobsPayload",
  "ReserveJobPayload",
  "HeartbeatJobPayload",
  "CompleteJobPayload",
  "FailJobPayload",
  "ReleaseJobsPayload",
  "IgnoreJobsPayload",
  "ResetJobsPayload",
  "JSONPathFilter",
  "ArrayBase",
  "ArrayBase64Input",
  "ArrayValuesInput",
  "OnConflict",
  "TableCount",
  "ChangeKind",
  "SortOrder",
  "NullsOrder",
  "OrderDirection",
  "SliceInput",
  "Statistics",
  "ArrayStatistics",
  "TreeEntry",
  "TreeEntryEdge",
  "TreeEntryConnection",
  "Blob",
  "NdArray",
  "File",
  "Tree",
  "FileRef",
  "FileRefStatus",
  "Opaque",
  "Tier",
  "IDFilter",
  "EnumFilter",
  "CountHaving",
  "NumberHaving",
];

const shapeSuffixes = ["Filter", "ListFilter", "Having"];
const codecSuffixes = [
  "Input",
  "Filter",
  "OrderBy",
  "Sums",
  "SumsHaving",
  "Extremes",
  "ExtremesHaving",
  "Edge",
  "Connection",
  "Entry",
  "Statistics",
];

/** What is appended to an entity's name; at most 25 types an entity are generated of these. */
const entitySuffixes: readonly string[] = [
  "Connection",
  "Edge",
  "Filter",
  "ListFilter",
  "ManyFilter",
  "OrderBy",
  "Order",
  "Payload",
  "Patch",
  "Key",
  "Unique",
  "Aggregate",
  "AggregateOrderBy",
  "Sums",
  "SumsHaving",
  "Averages",
  "Extremes",
  "ExtremesHaving",
  "Group",
  "GroupKey",
  "GroupValues",
  "Having",
  "Input",
  "Reference",
  "ReferenceInput",
  "ReferencePatch",
  "Link",
  "LinkInput",
  "ChildInput",
  "Change",
];

const enumSuffixes = ["Filter", "ListFilter", "Having"];

/** Type names that are taken whatever the schema says: fixed ones, scalars, and those of the loaded codecs. */
export function reservedTypeNames(context: ModelContext): ReadonlySet<string> {
  const scalars = [...scalarRules.keys()];
  const outputs = ["Blob", "NdArray", "File", "Tree", "FileRef", "Opaque"];
  for (const codec of context.codecs.values()) outputs.push(codec.output);
  return new Set([
    ...fixedTypeNames,
    ...scalars,
    ...scalars.flatMap((name) => shapeSuffixes.map((suffix) => name + suffix)),
    ...outputs,
    ...(context.typeNames ?? []),
    ...outputs.flatMap((name) => codecSuffixes.map((suffix) => name + suffix)),
  ]);
}

/** Type names that the API makes for an entity, its own name left out. */
export function entityTypeNames(name: string, plural: string): readonly string[] {
  const own = entitySuffixes.map((suffix) => name + suffix);
  return [
    ...own,
    `Create${name}Input`,
    `Create${name}ChildInput`,
    `Update${name}Input`,
    `${upperFirst(plural)}Payload`,
  ];
}

/** Type names that the API makes for an enum. */
export function enumTypeNames(name: string): readonly string[] {
  return enumSuffixes.map((suffix) => name + suffix);
}

/** Field names that every entity has, or that its filter needs, with what a column of that name may be called. */
export const reservedFieldNames: ReadonlyMap<string, string> = new Map([
  ["id", "rowId"],
  ["rowVersion", "rowVersion_"],
  ["and", "and_"],
  ["or", "or_"],
  ["not", "not_"],
]);

/** GraphQL scalar of a reference's column; a reserved name becomes `rowId`, `rowVersion_`. */
export function columnFieldName(column: string): string {
  const name = camelCase(column);
  return reservedFieldNames.get(name) ?? name;
}

/** Root fields that the API has whatever the schema. */
export const reservedRootFields: ReadonlySet<string> = new Set([
  "node",
  "nodes",
  "changeCursor",
  "createUpload",
  "completeUpload",
  "importUpload",
  "abortUpload",
  "signUploadParts",
  "upload",
  "jobs",
  "jobProgress",
  "refreshJobs",
  "reserveJob",
  "heartbeatJob",
  "completeJob",
  "failJob",
  "releaseJobs",
  "ignoreJobs",
  "resetJobs",
]);

/** Root fields of one entity. */
export function rootFieldNames(entity: {
  readonly name: string;
  readonly singular: string;
  readonly plural: string;
}): readonly string[] {
  const many = upperFirst(entity.plural);
  const verbs = ["create", "update", "delete"].flatMap((verb) => [`${verb}${entity.name}`, `${verb}${many}`]);
  return [entity.singular, entity.plural, ...verbs, `upsert${entity.name}`, `upsert${many}`];
}
