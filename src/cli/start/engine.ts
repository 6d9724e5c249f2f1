/** The schema file in service: loaded, planned, applied by the rule of the start, and exchanged while requests run. */

import { applyModel, driftOf, planModel, type SchemaPlan } from "../../db/apply.ts";
import type { Database } from "../../db/contract.ts";
import { isServiceError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import type { Settings } from "../settings.ts";
import { checkModel, type LoadedModel, readSchema } from "./load-model.ts";

/** When changes of the schema are applied without being asked for. */
export type ApplyRule =
  /** Plans without destructive steps. */
  | "safe"
  /** None: the plan is shown. */
  | "never";

/** What one look at the schema file led to. */
export interface Followed {
  readonly plan: SchemaPlan;
  readonly applied: boolean;
}

/** What the engine stands on. */
export interface EngineParts {
  readonly settings: Settings;
  readonly db: Database;
  readonly rule: ApplyRule;
  readonly loaded: LoadedModel;
  /** Puts a model into service; called once at the start and after each change. */
  serve(model: Model): Promise<void>;
}

/** The running model. */
export interface Engine {
  model(): Model;
  source(): string;
  /** Why the tables are not as the schema file says; undefined when they are. */
  problem(): string | undefined;
  /** Reads the file again and follows it by the rule; a broken file throws and changes nothing. */
  follow(): Promise<Followed>;
  plan(): Promise<SchemaPlan>;
  apply(options: { readonly allowDestructive: boolean }): Promise<SchemaPlan>;
  drift(): ReturnType<typeof driftOf>;
}

/** Applies the loaded model by the rule and serves it. */
export async function createEngine(parts: EngineParts): Promise<{ engine: Engine; first: Followed }> {
  const { settings, db, loaded } = parts;
  let current = { model: loaded.model, source: loaded.source };
  let problem: string | undefined;
  const read = async () => {
    const source = await readSchema(settings.schemaPath);
    return { source, model: checkModel(settings.schemaPath, source, loaded) };
  };
  const take = async (next: typeof current) => {
    await parts.serve(next.model);
    current = next;
  };
  const followTo = async (next: typeof current): Promise<Followed> => {
    const plan = await planModel(db, next.model);
    const followed = await applyByRule(parts, next.model, plan);
    problem = followed.applied ? undefined : pending(plan);
    await take(next);
    return followed;
  };
  const engine: Engine = {
    model: () => current.model,
    source: () => current.source,
    problem: () => problem,
    follow: async () => followTo(await read()),
    plan: async () => planModel(db, (await read()).model),
    apply: async (options) => {
      const next = await read();
      const plan = await applyModel(db, next.model, options);
      problem = undefined;
      await take(next);
      return plan;
    },
    drift: async () => driftOf(db, (await read()).model),
  };
  return { engine, first: await followTo(current) };
}

/** Drift never stops the server: what cannot be applied is told, and what matches is served. */
async function applyByRule({ db, rule }: EngineParts, model: Model, plan: SchemaPlan): Promise<Followed> {
  if (plan.changes.length === 0) return { plan, applied: true };
  if (rule === "never" || plan.destructive.length > 0 || plan.refused.length > 0)
    return { plan, applied: false };
  try {
    return { plan: await applyModel(db, model, { allowDestructive: false }), applied: true };
  } catch (error) {
    if (isServiceError(error, "DESTRUCTIVE_CHANGE") || isServiceError(error, "CONSTRAINT_VIOLATION"))
      return { plan, applied: false };
    throw error;
  }
}

function pending({ changes }: SchemaPlan): string {
  return `${changes.length} changes of the schema file are not applied; see: holdfast plan`;
}
