/** The query fields of jobs, each by a statement of its own. */

import { type GraphQLSchema, getArgumentValues, Kind, type SelectionSetNode } from "graphql";
import type { CodecRegistry } from "../../codec/registry.ts";
import type { Queryable } from "../../db/contract.ts";
import type { Model } from "../../model/model.ts";
import type { ObjectReaderFactory } from "../../object/contract.ts";
import { selectionSets } from "../../plan/collect-fields.ts";
import type { Plan, RootField } from "../../plan/plan.ts";
import { countProgress } from "../../sql/job/read.ts";
import type { JobSubject } from "../../sql/job/subject.ts";
import { putAt, slotIn } from "../answer-slot.ts";
import type { Walk } from "../completion.ts";
import type { ApiLimits } from "../limits.ts";
import { fragmentsOf, type Operation } from "../plan-cache.ts";
import type { RuleBook } from "../row-rules.ts";
import type { WriteContext } from "../write/contract.ts";
import { shapeValue } from "../write/selection.ts";
import { lookAtJobs } from "./job-table.ts";
import { listPage } from "./list-jobs.ts";
import { requireAllRows, subjectNamed } from "./subjects.ts";

interface Asked {
  readonly plan: Plan;
  readonly data: Record<string, unknown>;
  readonly request: Operation;
  readonly context: WriteContext;
}

/** What telling of jobs stands on. */
export interface JobServices {
  readonly model: Model;
  readonly schema: GraphQLSchema;
  readonly registry: CodecRegistry;
  readonly db: Queryable;
  readonly objects: { readonly reader: ObjectReaderFactory };
  readonly limits: ApiLimits;
  readonly rules?: RuleBook | undefined;
}

type JobRoot = Extract<RootField, { readonly kind: "upload" | "jobs" | "jobProgress" }>;

/** Answers what a query asks of jobs. Errors become errors of their fields; only an abort of the caller is thrown. */
export async function completeJobs(walk: Walk, asked: Asked, services: JobServices): Promise<void> {
  const { plan, data, context } = asked;
  for (const root of plan.roots) {
    if (root.kind !== "jobs" && root.kind !== "jobProgress") continue;
    const slot = slotIn(data, root.key, { nullable: false, parent: undefined });
    try {
      putAt(slot, await answer(root, asked, services));
    } catch (error) {
      if (context.signal?.aborted === true) throw error;
      walk.faults.add(slot, error);
    }
  }
}

async function answer(root: JobRoot, { request, context }: Asked, services: JobServices): Promise<unknown> {
  const { schema, model } = services;
  const definition = schema.getQueryType()?.getFields()[root.kind];
  if (definition === undefined) return null;
  const { nodes } = root;
  const args = getArgumentValues(definition, nodes[0], request.variables);
  const subject = subjectNamed(model, args["table"]);
  requireAllRows(model, subject, services.rules?.of(context));
  const db = context.inside?.transaction ?? services.db;
  const fragments = fragmentsOf(request.document);
  const asks = (name: string) => isSelected(selectionSets(nodes), name, fragments);
  const value =
    root.kind === "jobs"
      ? await listPage({ ...services, queryable: db }, { subject, args, asks })
      : await progress(db, model, subject);
  return shapeValue(
    { schema, fragments, variables: request.variables },
    { value, type: definition.type, nodes },
  );
}

/** Whether a field of that name is selected anywhere in `sets`. */
function isSelected(
  sets: readonly SelectionSetNode[],
  name: string,
  fragments: ReturnType<typeof fragmentsOf>,
): boolean {
  const seen = new Set<string>();
  const waiting = [...sets];
  for (let set = waiting.pop(); set !== undefined; set = waiting.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD && selection.name.value === name) return true;
      if (selection.kind !== Kind.FRAGMENT_SPREAD) {
        if (selection.selectionSet !== undefined) waiting.push(selection.selectionSet);
        continue;
      }
      const fragment = fragments[selection.name.value];
      if (fragment === undefined || seen.has(selection.name.value)) continue;
      seen.add(selection.name.value);
      waiting.push(fragment.selectionSet);
    }
  }
  return false;
}

interface Progress {
  readonly total: number;
  readonly done: number;
}

async function progress(db: Queryable, model: Model, subject: JobSubject): Promise<unknown> {
  const { hasTable } = await lookAtJobs(db, subject);
  const { rows } = await db.query<Progress>(countProgress(model, subject, hasTable));
  const [counts] = rows;
  const { total = 0, done = 0 } = counts ?? {};
  return { ...counts, table: subject.entity.name, remaining: total - done };
}
