/** Why a plan was not applied, as errors. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { Change } from "../sql/change.ts";

/** Steps that rows or other tables forbid. */
export function plannedRefused(changes: readonly Change[]): ServiceError {
  const problems = changes.map((change) => ({ ...change.refusal, ...whereOf(change) }));
  const lines = problems.map((problem) => `${problem.message ?? ""} ${problem.remedy ?? ""}`);
  return new ServiceError("CONSTRAINT_VIOLATION", `The schema cannot be applied.\n${lines.join("\n")}`, {
    details: { problems, ...firstRemedy(changes) },
  });
}

/** Steps that would remove data, without leave to. */
export function destructionRefused(changes: readonly Change[]): ServiceError {
  const lines = changes.map((change) => change.summary);
  return new ServiceError(
    "DESTRUCTIVE_CHANGE",
    `Applying the schema would remove data:\n${lines.join("\n")}`,
    {
      details: {
        problems: changes.map((change) => ({ message: change.summary, ...whereOf(change) })),
        remedy:
          "Allow it with --allow-destructive; if a type or field was renamed, say so with @renamedFrom(name: …) and nothing is lost.",
      },
    },
  );
}

/** A step that PostgreSQL refused: the step's name, PostgreSQL's reason. A lock not granted passes as it is: it is tried again. */
export function changeFailed(change: Change, error: unknown): unknown {
  if (!isServiceError(error) || error.code === "CONFLICT") return error;
  const dependent = dependents[stateOf(error)];
  const code = dependent === undefined ? error.code : "CONSTRAINT_VIOLATION";
  const reason = dependent === undefined ? error.message : `${dependent}: ${reportOf(error.cause)}`;
  const remedy =
    dependent === undefined ? {} : { remedy: "Drop what depends on it first, then apply again." };
  return new ServiceError(code, `${change.summary}: ${reason}`, {
    details: { ...error.details, ...whereOf(change), ...remedy },
    cause: error.cause,
  });
}

const dependents: Readonly<Record<string, string>> = {
  "2BP01": "something else depends on it",
  "0A000": "something else depends on it",
};

function stateOf(error: ServiceError): string {
  const state = error.details["sqlstate"];
  return typeof state === "string" ? state : "";
}

function reportOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "no reason given";
  const detail = "detail" in cause && typeof cause.detail === "string" ? ` (${cause.detail})` : "";
  return `${cause.message}${detail}`;
}

function whereOf(change: Change): Record<string, string> {
  return {
    ...(change.entity === undefined ? {} : { entity: change.entity }),
    ...(change.table === undefined ? {} : { table: change.table }),
    ...(change.column === undefined ? {} : { column: change.column }),
  };
}

function firstRemedy(changes: readonly Change[]): { remedy?: string } {
  const remedy = changes.find((change) => change.refusal !== undefined)?.refusal?.remedy;
  return remedy === undefined ? {} : { remedy };
}
