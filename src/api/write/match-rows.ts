/** `where` and `atMost`: the rows that a field changes, found by the same filters as those of lists. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { Entity } from "../../model/model.ts";
import { unfitLiteral } from "../../plan/expression.ts";
import { refuseValue } from "../../plan/refuse-value.ts";
import type { SelectContext } from "../../sql/select.ts";
import { parameterValues } from "../../sql/select-builder.ts";
import { compileCount, compileMatch, type MatchStatement } from "../../sql/select-match.ts";
import { codecSql } from "../codec-sql.ts";
import { withRules } from "../row-rules.ts";
import type { WriteScope } from "./write-plan.ts";

/** PostgreSQL text of a row's key columns, in the order of `entity.key`. */
export type Key = readonly string[];

/** A filter of one field, compiled. */
export interface Match {
  readonly atMost: number;
  /**
   * Locks the rows that fit, in the order of their keys.
   * @throws {LIMIT_EXCEEDED} naming how many fit and how many may.
   */
  lock(transaction: Transaction): Promise<readonly Key[]>;
}

/** Compiles `where` of a field. @throws {BAD_USER_INPUT} naming the filter or `atMost`. */
export function planMatch(scope: WriteScope, entity: Entity, strength: "UPDATE" | "NO KEY UPDATE"): Match {
  const { services, field } = scope;
  const where = checkedWhere(field.args["where"]);
  const atMost = checkedAtMost(field.args["atMost"]);
  const allowed = Math.min(atMost, services.limits.rows);
  // One more than may fit tells that too many do.
  const context = selectContext(scope, { where, limit: allowed + 1 });
  const locking = compileMatch(entity, context, strength);
  const counting = compileCount(entity, context);
  const ask = <Row>(transaction: Transaction, { text, parameters }: MatchStatement) =>
    transaction.query<Row>(text, parameterValues(parameters, context.resolved));
  return {
    atMost,
    lock: async (transaction) => {
      const found = (await ask<{ key: string[] }>(transaction, locking)).rows.map(({ key }) => key);
      if (found.length <= allowed) return found;
      const counted = (await ask<{ count: string }>(transaction, counting)).rows[0]?.count;
      throw tooMany(entity, Math.max(found.length, Number(counted)), { atMost, allowed });
    },
  };
}

/** What statements of a field are compiled with: its arguments, and the rows that its viewer sees. */
export function selectContext(
  { request, services }: Pick<WriteScope, "request" | "services">,
  given: Readonly<Record<string, unknown>>,
): SelectContext {
  const seen = withRules([given], services.rules?.of(request.context));
  return { model: request.model, codecs: codecSql(services.codecs), ...seen };
}

function checkedWhere(where: unknown): unknown {
  const unfit = unfitLiteral(where);
  if (unfit === undefined) return where;
  const field = ["where", ...unfit.path].join(".");
  throw new ServiceError("BAD_USER_INPUT", `${field}: ${unfit.fault}`, { details: { field } });
}

function checkedAtMost(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  return refuseValue("atMost", value, "is no number of rows", "Give 0 or a positive number.");
}

function tooMany(
  entity: Entity,
  count: number,
  { atMost, allowed }: { readonly atMost: number; readonly allowed: number },
): ServiceError {
  const fits = `${count} rows of ${entity.name} fit where`;
  if (allowed < atMost) {
    const remedy = "Narrow where, and send several requests.";
    return new ServiceError("LIMIT_EXCEEDED", `${fits}; one request writes ${allowed} at most. ${remedy}`, {
      details: { field: "where", limit: allowed, count, remedy },
    });
  }
  const remedy = "Narrow where, or raise atMost if all of them are meant.";
  return new ServiceError("LIMIT_EXCEEDED", `${fits}; atMost is ${atMost}. Nothing was changed. ${remedy}`, {
    details: { field: "atMost", limit: atMost, count, remedy },
  });
}
