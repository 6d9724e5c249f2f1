/** The API for functions of an extension: the same schema, the same caller, the same transaction. */

import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from "graphql";
import { LRUCache } from "lru-cache";
import type { Database, Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { InnerApi, Values } from "../../extend/contract.ts";
import type { Model } from "../../model/model.ts";
import type { QueryExecutor } from "../execute-query.ts";
import { fragmentsOf } from "../plan-cache.ts";
import { RawJson } from "../raw-json.ts";
import type { WriteContext, WriteServices } from "../write/contract.ts";
import { executeMutation } from "../write/execute-mutation.ts";
import type { Lane } from "./lane.ts";

/** What operations of an extension run on. */
export interface InnerParts {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly executor: QueryExecutor;
  readonly write: WriteServices;
}

/** Operations inside operations; a hook that writes to its own table would never end. */
const deepest = 8;

interface Prepared {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

interface Answer {
  readonly data: unknown;
  readonly errors: readonly GraphQLError[];
}

/** Makes the API of one schema version. */
export function createInnerApi(
  parts: () => InnerParts,
): (context: WriteContext, lane: Lane | undefined) => InnerApi {
  const documents = new LRUCache<string, Prepared>({ max: 500 });
  return (context, lane) => {
    const run = (text: string, variables: Values): Promise<Answer> => {
      const found = documents.get(text) ?? prepared(parts().schema, text);
      documents.set(text, found);
      const work = () => runOperation(parts(), { ...found, text, variables, context });
      return lane === undefined ? work() : lane.run(work);
    };
    const execute: InnerApi["execute"] = async <Data>(text: string, variables: Values = {}) => {
      const { data, errors } = await run(text, variables);
      // Who writes the document names the shape of its data.
      return {
        data: plain(data) as Data | null,
        errors: errors.map((error) => error.originalError ?? error),
      };
    };
    return {
      execute,
      data: async <Data>(text: string, variables: Values = {}) => {
        const { data, errors } = await execute<Data>(text, variables);
        const [error] = errors;
        if (error !== undefined || data === null) throw error ?? new TypeError("The answer has no data.");
        return data;
      },
    };
  };
}

function plain(data: unknown): unknown {
  if (data === null || data === undefined) return null;
  return JSON.parse(data instanceof RawJson ? data.text : JSON.stringify(data));
}

/** @throws TypeError telling every fault of the document: it is the extension's, not the caller's. */
function prepared(schema: GraphQLSchema, text: string): Prepared {
  const document = parsed(text);
  const faults = validate(schema, document);
  if (faults.length > 0) throw new TypeError(faults.map(({ message }) => message).join("\n"));
  const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const [operation] = operations;
  if (operation === undefined || operations.length > 1 || operation.operation === "subscription")
    throw new TypeError("A document of an extension has exactly one query or mutation.");
  return { document, operation };
}

function parsed(text: string): DocumentNode {
  try {
    return parse(text);
  } catch (cause) {
    throw new TypeError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

interface Asked extends Prepared {
  readonly text: string;
  readonly variables: Values;
  readonly context: WriteContext;
}

async function runOperation(parts: InnerParts, asked: Asked): Promise<Answer> {
  const { document, operation, text, context } = asked;
  const { schema, model, executor, write } = parts;
  if ((context.inside?.depth ?? 0) > deepest) {
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `An extension runs operations inside operations, more than ${deepest} levels deep: does a hook write to its own table?`,
      { details: { limit: deepest } },
    );
  }
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], asked.variables);
  if (coerced.errors !== undefined)
    throw new TypeError(coerced.errors.map(({ message }) => message).join("\n"));
  const variables = coerced.coerced;
  if (operation.operation === "query")
    return executor.execute({ document, documentKey: `extension ${text}`, operation, variables }, context);
  const transaction = context.inside?.transaction;
  if (transaction === undefined)
    throw new TypeError("An extension writes only in its mutations and after-hooks.");
  const services = { ...write, db: insideOf(transaction), limits: { ...write.limits, attempts: 1 } };
  const fragments = fragmentsOf(document);
  return executeMutation(services, { schema, model, operation, fragments, variables, context });
}

/** What is written inside is undone alone when it fails; committed it is with all the rest. */
function insideOf(transaction: Transaction): Database {
  return {
    query: (text, values, options) => transaction.query(text, values, options),
    transaction: (work) => transaction.savepoint(() => work(transaction)),
    close: async () => undefined,
  };
}
