/** The root types: Query, Mutation and Subscription. */

import type { Column, Entity, Model } from "../model/model.ts";
import type { ChangeFieldUse } from "../plan/plan-change.ts";
import type { ReadField } from "../plan/plan-operation.ts";
import { listArguments } from "./schema-sdl-entity.ts";
import { type CodecNames, isUpdatable, keyArgument, keyColumns } from "./schema-sdl-input.ts";
import { jobMutations, jobQueries } from "./schema-sdl-jobs.ts";
import { byUniqueName, definition, field, typeNames } from "./schema-sdl-names.ts";
import type { RowWrite, WriteField } from "./write/contract.ts";

/** A root field: its SDL and what it does. */
export interface RootField<Does> {
  readonly name: string;
  readonly sdl: string;
  readonly does: Does;
}

/** Entities with root fields: all but the part tables of codec lists. */
export function rootEntities(model: Model): readonly Entity[] {
  return model.entities.filter(({ listOf }) => listOf === undefined);
}

/** Fields of type Query, in order. */
export function queryFields(model: Model): readonly RootField<ReadField>[] {
  return [
    {
      name: "node",
      sdl: field("node(id: ID!): Node", "The row with this id, or null."),
      does: { kind: "node" },
    },
    {
      name: "nodes",
      sdl: field(
        "nodes(ids: [ID!]!): [Node]!",
        "The rows with these ids, in their order, null for those that are not there.",
      ),
      does: { kind: "nodes" },
    },
    {
      name: "changeCursor",
      sdl: field(
        "changeCursor: String!",
        "Where this answer lies in the stream of changes: a subscription `after` it tells what came later, and misses nothing.",
      ),
      does: { kind: "changeCursor" },
    },
    {
      name: "upload",
      sdl: field(
        "upload(id: ID!, path: String): Upload",
        "How far an upload is; with a path the parts of that file of a folder. Needs WRITE, as its url does.",
      ),
      does: { kind: "upload" },
    },
    ...jobQueries(model),
    ...rootEntities(model).flatMap(entityQueries),
  ];
}

function entityQueries(entity: Entity): readonly RootField<ReadField>[] {
  const { connection, object } = typeNames(entity);
  const byKey = rowField(entity, entity.singular, keyColumns(entity));
  const byUnique = entity.uniques.map((unique) =>
    rowField(entity, byUniqueName(entity, unique.fields), columnsOf(entity, unique.columns)),
  );
  const list: RootField<ReadField> = {
    name: entity.plural,
    sdl: field(`${entity.plural}(${listArguments(entity)}): ${connection}!`, `Rows of ${object}, in pages.`),
    does: { kind: "list", entity: entity.name },
  };
  return [byKey, ...byUnique, list];
}

function columnsOf(entity: Entity, names: readonly string[]): readonly Column[] {
  return names.flatMap((name) => entity.columns.filter((column) => column.name === name));
}

function rowField(entity: Entity, name: string, columns: readonly Column[]): RootField<ReadField> {
  return {
    name,
    sdl: `${name}(${columns.map(keyArgument).join(", ")}): ${entity.name}`,
    does: { kind: "row", entity: entity.name, columns: columns.map((column) => column.name) },
  };
}

/** Fields of type Mutation, in order. */
export function mutationFields(model: Model, codecs: CodecNames): readonly RootField<WriteField>[] {
  return [
    ...rootEntities(model).flatMap((entity) => entityMutations(model, entity, codecs)),
    {
      name: "createUpload",
      sdl: field(
        "createUpload(input: CreateUploadInput!): Upload!",
        "Reserves a place for bytes that a later mutation gives to a field.",
      ),
      does: { kind: "createUpload" },
    },
    {
      name: "completeUpload",
      sdl: field(
        "completeUpload(id: ID!, parts: [UploadPartInput!]): Upload!",
        "Says that all bytes are sent. May be repeated, and must be while the answer is VERIFYING.",
      ),
      does: { kind: "completeUpload" },
    },
    {
      name: "importUpload",
      sdl: field(
        "importUpload(id: ID!, url: String!): Upload!",
        "Fills an upload of one file from an http or https URL, which the service fetches; answered when all bytes are in.",
      ),
      does: { kind: "importUpload" },
    },
    {
      name: "signUploadParts",
      sdl: field(
        "signUploadParts(id: ID!, numbers: [Int!]!, path: String): [UploadPart!]!",
        "URLs for parts of a file, or of one file of a folder; 100 in one call.",
      ),
      does: { kind: "signUploadParts" },
    },
    {
      name: "abortUpload",
      sdl: field(
        "abortUpload(id: ID!): Upload!",
        "Ends an upload that no row has taken: what was sent goes away. May be repeated.",
      ),
      does: { kind: "abortUpload" },
    },
    ...jobMutations(model),
  ];
}

function entityMutations(model: Model, entity: Entity, codecs: CodecNames): readonly RootField<WriteField>[] {
  const names = typeNames(entity);
  const one = entity.name;
  const many = names.manyPayload.slice(0, -"Payload".length);
  const make = (kind: RowWrite, name: string, rest: string): RootField<WriteField> => ({
    name,
    sdl: `${name}${rest}`,
    does: { kind, entity: one },
  });
  const updates = [
    make(
      "update",
      `update${one}`,
      `(key: ${names.key}!, set: ${names.patch}!, ifVersion: String): ${names.payload}!`,
    ),
    make(
      "updateMany",
      `update${many}`,
      `(where: ${names.filter}!, set: ${names.patch}!, atMost: Int! = 1): ${names.manyPayload}!`,
    ),
  ];
  return [
    make("create", `create${one}`, `(input: ${names.create}!): ${names.payload}!`),
    make(
      "createMany",
      `create${many}`,
      `(rows: [${names.create}!]!, onConflict: OnConflict! = ABORT): ${names.manyPayload}!`,
    ),
    ...(isUpdatable(model, entity, codecs) ? updates : []),
    make("upsert", `upsert${one}`, `(input: ${names.create}!, on: ${names.unique}): ${names.payload}!`),
    make(
      "delete",
      `delete${one}`,
      `(key: ${names.key}!, ifVersion: String, cascade: Boolean! = false): ${names.payload}!`,
    ),
    make(
      "deleteMany",
      `delete${many}`,
      `(where: ${names.filter}!, atMost: Int! = 1, cascade: Boolean! = false, dryRun: Boolean! = false): ${names.manyPayload}!`,
    ),
  ];
}

/** Fields of type Subscription, in order. */
export function subscriptionFields(model: Model): readonly RootField<ChangeFieldUse>[] {
  return rootEntities(model).map((entity) => {
    const { change, filter, object } = typeNames(entity);
    return {
      name: `${entity.singular}Changed`,
      sdl: field(
        `${entity.singular}Changed(where: ${filter}, after: String): ${change}!`,
        `Rows of ${object} as they are created, updated and deleted, whoever does so; of those that fit, or did.`,
      ),
      does: { entity: entity.name },
    };
  });
}

/** SDL of the root types. */
export function rootSdl(model: Model, codecs: CodecNames): string {
  return [
    definition(
      "type Query",
      queryFields(model).map(({ sdl }) => sdl),
    ),
    definition(
      "type Mutation",
      mutationFields(model, codecs).map(({ sdl }) => sdl),
    ),
    definition(
      "type Subscription",
      subscriptionFields(model).map(({ sdl }) => sdl),
    ),
  ].join("\n");
}
