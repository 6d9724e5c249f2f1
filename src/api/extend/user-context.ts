/** What functions of an extension get: SQL, the API, loaders, objects, who asks. */

import type { Queryable } from "../../db/contract.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import type { ExtensionContext, RowLoader, Sql } from "../../extend/contract.ts";
import { openObject } from "./open-object.ts";
import { createLoader } from "./row-loader.ts";
import type { UserScope, UserServices } from "./services.ts";

/** Makes the context of one call. */
export function createContext(
  services: UserServices,
  scope: UserScope,
  signal: AbortSignal,
): ExtensionContext {
  const { context, lane, written } = scope;
  const { principal, inside } = context;
  const queryable = lane ?? readOnly(services);
  const loaders = new Map<string, RowLoader>();
  const innerContext = {
    ...context,
    signal,
    inside: {
      depth: (inside?.depth ?? 0) + 1,
      ...(lane === undefined ? {} : { transaction: lane.transaction }),
      ...(written === undefined ? {} : { written }),
    },
  };
  return {
    transaction: userSql(queryable, signal),
    api: services.inner(innerContext, lane),
    loader: <Row>(type: string) => {
      const loader = loaders.get(type) ?? createLoader(services, { queryable, context, signal, type });
      loaders.set(type, loader);
      // Who names the shape of a row knows its table.
      return loader as RowLoader<Row>;
    },
    objects: { open: (field, key) => openObject(services, { queryable, signal, field, key }) },
    principal,
    signal,
    log: services.log,
  };
}

/** Outside mutations: each statement in a read-only transaction of its own. */
function readOnly({ db }: UserServices): Queryable {
  return {
    query: (text, values, options) =>
      db.transaction((transaction) => transaction.query(text, values, options), { readOnly: true }),
  };
}

function userSql(queryable: Queryable, signal: AbortSignal): Sql {
  return {
    query: async (text, values) => {
      try {
        return await queryable.query(text, values, { signal });
      } catch (error) {
        throw isServiceError(error, "SCHEMA_DRIFT") ? ownMistake(error) : error;
      }
    },
  };
}

/** A table that an extension's SQL names and the database lacks says nothing of the schema file. */
function ownMistake({ cause }: ServiceError): ServiceError {
  const message = cause instanceof Error ? cause.message : "A statement failed.";
  return new ServiceError("INTERNAL_SERVER_ERROR", message, { cause });
}
