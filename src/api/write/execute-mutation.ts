/**
 * Runs a mutation: plan every field, encode and stage what goes into stores, then one transaction for all fields in their order.
 * Nothing is answered before the commit; when a field fails, nothing is written.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type GraphQLError, getArgumentValues, isNonNullType } from "graphql";
import type { Transaction } from "../../db/contract.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { collectFields } from "../../plan/collect-fields.ts";
import { planJob } from "../jobs/plan-job.ts";
import type { MutationAnswer, OperationRequest, WriteField, WriteServices } from "./contract.ts";
import type { WriteAttempt } from "./extension.ts";
import { isUnknownOutcome, outcomeOf, transactionNumber } from "./outcome.ts";
import { shapePayload } from "./payload.ts";
import { planCreate, planCreateMany } from "./plan-create.ts";
import { planDelete, planDeleteMany } from "./plan-delete.ts";
import { planUpdate, planUpdateMany } from "./plan-update.ts";
import { planUpsert } from "./plan-upsert.ts";
import { PossibleRace } from "./possible-race.ts";
import { createStaging, type Staging } from "./stage-values.ts";
import { stoppable } from "./stoppable.ts";
import { planUpload } from "./upload-field.ts";
import { requireWritable } from "./writable.ts";
import { FieldFault, toGraphQLError } from "./write-error.ts";
import type { FieldResult, MutationField, WritePlan, WriteScope } from "./write-plan.ts";

/** Executes the operation of `request`. Errors are in the answer; only an abort of the caller is thrown. */
export async function executeMutation(
  services: WriteServices,
  request: OperationRequest,
): Promise<MutationAnswer> {
  const fields = rootFields(request);
  try {
    requireRights(request);
    requireWritable(services.readOnly?.());
    const scopes = fields.list.map(
      (root): WriteScope => ({ services, request, field: mutationField(request, root) }),
    );
    const results = await writeAll(scopes);
    return await answer(scopes, results, fields.names);
  } catch (error) {
    const cause = error instanceof FieldFault ? error.fault : error;
    if (request.context.signal?.aborted === true && cause === request.context.signal.reason) throw cause;
    return { data: failedData(fields), errors: [toGraphQLError(error)] };
  }
}

type Root = Omit<MutationField, "does" | "args">;

interface RootFields {
  readonly list: readonly Root[];
  /** Every response name in order, `__typename` included. */
  readonly names: readonly string[];
}

function rootFields(request: OperationRequest): RootFields {
  const root = request.schema.getMutationType();
  if (root === undefined || root === null) return { list: [], names: [] };
  const collected = collectFields(request, root, [request.operation.selectionSet]);
  const list: Root[] = [];
  for (const [responseName, nodes] of collected) {
    const definition = root.getFields()[nodes[0].name.value];
    if (definition !== undefined) list.push({ responseName, nodes, definition });
  }
  return { list, names: [...collected.keys()] };
}

function mutationField(request: OperationRequest, root: Root): MutationField {
  try {
    // The schema of the read side says what each field does; `contract.ts` holds the agreement.
    const does = root.definition.extensions["write"] as WriteField | undefined;
    if (does === undefined)
      throw new ServiceError("INTERNAL_SERVER_ERROR", `${root.definition.name} does nothing.`);
    return { ...root, does, args: getArgumentValues(root.definition, root.nodes[0], request.variables) };
  } catch (error) {
    throw new FieldFault(root, error);
  }
}

function requireRights(request: OperationRequest): void {
  const { rights, name } = request.context.principal;
  if (rights.has("WRITE") || rights.has("ADMIN")) return;
  throw new ServiceError("FORBIDDEN", `${name} may not write.`, {
    details: { remedy: "Use a token with the right WRITE." },
  });
}

async function writeAll(scopes: readonly WriteScope[]): Promise<readonly FieldResult[]> {
  const [first] = scopes;
  if (first === undefined) return [];
  const { services, request } = first;
  const staging = createStaging(services, request);
  const plans: WritePlan[] = [];
  // In order: an upload may be completed and used in one request.
  for (const scope of scopes) {
    plans.push(
      await blaming(scope, async () => {
        const plan = await planField(scope);
        if (plan.kind === "rows") await staging.prepare(plan.pending);
        return plan;
      }),
    );
  }
  // Uploads alone need no transaction.
  const done = plans.flatMap((plan) => (plan.kind === "done" ? [plan.result] : []));
  return done.length === plans.length ? done : commitAll(scopes, plans, staging);
}

async function planField(scope: WriteScope): Promise<WritePlan> {
  const { does } = scope.field;
  switch (does.kind) {
    case "create":
      return planCreate(scope, does.entity);
    case "createMany":
      return planCreateMany(scope, does.entity);
    case "update":
      return planUpdate(scope, does.entity);
    case "updateMany":
      return planUpdateMany(scope, does.entity);
    case "upsert":
      return planUpsert(scope, does.entity);
    case "delete":
      return planDelete(scope, does.entity);
    case "deleteMany":
      return planDeleteMany(scope, does.entity);
    case "createUpload":
    case "completeUpload":
    case "importUpload":
    case "signUploadParts":
    case "abortUpload":
      return planUpload(scope, does.kind);
    case "refreshJobs":
    case "reserveJob":
    case "heartbeatJob":
    case "completeJob":
    case "failJob":
    case "releaseJobs":
    case "ignoreJobs":
    case "resetJobs":
      return planJob(scope, does.kind);
    case "user":
      return planUser(scope, does.field);
  }
}

function planUser(scope: WriteScope, field: string): WritePlan {
  const { extension } = scope.services;
  if (extension === undefined) throw new ServiceError("INTERNAL_SERVER_ERROR", `Nothing answers ${field}.`);
  return extension.plan(scope, field);
}

/** Errors of one field carry its place in the request. */
async function blaming<T>(scope: WriteScope, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof FieldFault ? error : new FieldFault(scope.field, error);
  }
}

async function commitAll(
  scopes: readonly WriteScope[],
  plans: readonly WritePlan[],
  staging: Staging,
): Promise<readonly FieldResult[]> {
  const attempts = scopes[0]?.services.limits.attempts ?? 1;
  let refused: string | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      return await commitOnce(scopes, plans, staging);
    } catch (error) {
      const cause = error instanceof FieldFault ? error.fault : error;
      const isLost = cause instanceof PossibleRace ? cause.message !== refused : isRace(cause);
      if (attempt >= attempts || !isLost) throw error;
      refused = cause instanceof PossibleRace ? cause.message : undefined;
      await sleep(Math.random() * 20 * 2 ** attempt);
      await staging.renew();
    }
  }
}

/** A try that lost against another transaction and may win the next time. */
function isRace(error: unknown): boolean {
  return (
    isServiceError(error, "CONFLICT") ||
    isServiceError(error, "REFERENCE_CHANGED") ||
    isServiceError(error, "UPLOAD_EXPIRED")
  );
}

async function commitOnce(
  scopes: readonly WriteScope[],
  plans: readonly WritePlan[],
  staging: Staging,
): Promise<readonly FieldResult[]> {
  const { services, request } = firstOf(scopes);
  let done: { number: string; results: readonly FieldResult[] } | undefined;
  let attempt: WriteAttempt | undefined;
  try {
    request.context.signal?.throwIfAborted();
    const results = await services.db.transaction(async (opened) => {
      const transaction = stoppable(opened, request.context.signal);
      await staging.publish(transaction);
      attempt = services.extension?.open(request, transaction);
      const results = await runAll(scopes, plans, { transaction, attempt });
      done = { number: await transactionNumber(transaction), results };
      request.context.signal?.throwIfAborted();
      return results;
    });
    attempt?.committed();
    return results;
  } catch (error) {
    if (done === undefined || !isUnknownOutcome(error)) throw error;
    const outcome = await outcomeOf(services.db, done.number);
    if (outcome === "committed") {
      attempt?.committed();
      return done.results;
    }
    if (outcome === "aborted")
      throw new ServiceError("CONFLICT", "The connection was lost before the commit.", { cause: error });
    throw error;
  }
}

function firstOf(scopes: readonly WriteScope[]): WriteScope {
  const [first] = scopes;
  if (first === undefined) throw new ServiceError("INTERNAL_SERVER_ERROR", "There is no mutation field.");
  return first;
}

async function runAll(
  scopes: readonly WriteScope[],
  plans: readonly WritePlan[],
  { transaction, attempt }: { readonly transaction: Transaction; readonly attempt: WriteAttempt | undefined },
): Promise<readonly FieldResult[]> {
  const results: FieldResult[] = [];
  for (const [index, scope] of scopes.entries()) {
    const plan = plans[index];
    if (plan?.kind === "done") results.push(plan.result);
    if (plan?.kind === "rows") results.push(await blaming(scope, () => plan.run(transaction, attempt)));
  }
  return results;
}

async function answer(
  scopes: readonly WriteScope[],
  results: readonly FieldResult[],
  names: readonly string[],
): Promise<MutationAnswer> {
  const data: Record<string, unknown> = Object.create(null);
  const errors: GraphQLError[] = [];
  let isLost = false;
  for (const name of names) data[name] = "Mutation";
  for (const [index, scope] of scopes.entries()) {
    const result = results[index];
    if (result === undefined) continue;
    const shaped = await shapePayload(scope, result);
    errors.push(...shaped.errors);
    data[scope.field.responseName] = shaped.value;
    isLost ||= shaped.value === null && isNonNullType(scope.field.definition.type);
  }
  return { data: isLost ? null : data, errors };
}

/** Root fields are non-null, so one failure takes the whole data; where none is, each field is null. */
function failedData(fields: RootFields): Readonly<Record<string, unknown>> | null {
  if (fields.list.some(({ definition }) => String(definition.type).endsWith("!"))) return null;
  return Object.fromEntries(fields.names.map((name) => [name, null]));
}
