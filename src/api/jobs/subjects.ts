/** The tables of a model that have jobs, by name; found once for each model. */

import { ServiceError } from "../../errors.ts";
import type { Entity, Model } from "../../model/model.ts";
import { type JobSubject, jobSubjects } from "../../sql/job/subject.ts";

const found = new WeakMap<Model, ReadonlyMap<string, JobSubject>>();

/** The subject of that name, where there is one. */
export function jobSubjectOf(model: Model, name: string): JobSubject | undefined {
  let subjects = found.get(model);
  if (subjects === undefined) {
    subjects = new Map(jobSubjects(model).map((subject) => [subject.entity.name, subject]));
    found.set(model, subjects);
  }
  return subjects.get(name);
}

/** The subject that an argument of type JobTable names; GraphQL has checked it. */
export function subjectNamed(model: Model, name: unknown): JobSubject {
  const subject = jobSubjectOf(model, String(name));
  if (subject !== undefined) return subject;
  throw new ServiceError("INTERNAL_SERVER_ERROR", `${String(name)} has no jobs.`);
}

/**
 * Keys of jobs are those of rows: a viewer from whom rows of the table, or of any that its key leads to, can be hidden does not see them.
 * `rules` are the viewer's. @throws {FORBIDDEN}
 */
export function requireAllRows(
  model: Model,
  { entity }: JobSubject,
  rules: Readonly<Record<string, unknown>> | undefined,
): void {
  if (rules === undefined) return;
  const hidden = [...keyTables(model, entity)].find((name) => Object.hasOwn(rules, name));
  if (hidden === undefined) return;
  throw new ServiceError("FORBIDDEN", `Jobs of ${entity.name} are for those who see all rows of ${hidden}.`);
}

function keyTables(model: Model, entity: Entity, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(entity.name)) return seen;
  seen.add(entity.name);
  for (const reference of entity.references) {
    const target = reference.inKey ? model.entity.get(reference.target) : undefined;
    if (target !== undefined) keyTables(model, target, seen);
  }
  return seen;
}
