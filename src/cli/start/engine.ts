/** The schema file in service: loaded, planned, applied by the rule of the start, and exchanged while requests run. */

import { keepSource } from "../../db/applied-source.ts";
import { applyModel, driftOf, isApplied, planModel, type SchemaPlan } from "../../db/apply.ts";
import type { Database } from "../../db/contract.ts";
import { isServiceError, ServiceError } from "../../errors.ts";
import { readMoves } from "../../migrate/record.ts";
import type { Model } from "../../model/model.ts";
import { additions } from "../../sql/change.ts";
import type { Settings } from "../settings.ts";
import { checkModel, type LoadedModel, readSchema } from "./load-model.ts";
import { type Version, versionBefore } from "./version-before.ts";

/** When changes of the schema are applied without being asked for. */
export type ApplyRule =
  /** Plans without destructive steps. */
  | "safe"
  /** None: the plan is shown. */
  | "never";

/** What one look at the schema file led to. */
export interface Followed {
  readonly plan: SchemaPlan;
  /** True when the tables are as the file says. False: the model before keeps serving. */
  readonly applied: boolean;
  /** False when the file has the text that is served already. */
  readonly changed: boolean;
  /** True where the tables are others', and served as they are: only to be read. */
  readonly foreign: boolean;
}

/** An API for a model, built and not yet in service. */
export interface PreparedApi {
  /** Sends new requests to it; those that run are finished by the API before it. */
  mount(): Promise<void>;
  /** Gives it back unused. */
  discard(): Promise<void>;
}

/** What the engine stands on. */
export interface EngineParts {
  readonly settings: Settings;
  readonly db: Database;
  readonly rule: ApplyRule;
  /** True where nothing is to be written, whosever the tables are. */
  readonly readOnly: boolean;
  readonly loaded: LoadedModel;
  /** Builds the API of a model. Done before tables change, so that a model that cannot be served changes none. */
  prepare(model: Model): Promise<PreparedApi>;
}

/** The running model. */
export interface Engine {
  model(): Model;
  source(): string;
  /** Why the tables are not as the served model says; undefined when they are. */
  problem(): string | undefined;
  /** Why nothing may be written; undefined where it may. */
  readOnly(): string | undefined;
  /** Reads the file again and follows it by the rule; a broken file throws and changes nothing. */
  follow(): Promise<Followed>;
  plan(): Promise<SchemaPlan>;
  apply(options: { readonly allowDestructive: boolean }): Promise<SchemaPlan>;
  drift(): ReturnType<typeof driftOf>;
  /** The model in service, and that of the file as it is now. */
  versions(): Promise<{ readonly served: Model; readonly wanted: Model }>;
  /** Serves the file as it is now when `change` has brought the tables there. */
  exchange(change: (wanted: Model) => Promise<SchemaPlan>): Promise<void>;
}

/** What a look at the file led to: whether to serve it, and whether its tables are others'. */
interface Outcome<T> {
  readonly serve: boolean;
  readonly foreign: boolean;
  readonly result: T;
}

const served = <T>(result: T): Outcome<T> => ({ serve: true, foreign: false, result });

/**
 * Applies the loaded model by the rule and serves it, applied or not: there is no other yet. Only while fields change their codec the file that was
 * applied last is served, until they have changed.
 */
export async function createEngine(parts: EngineParts): Promise<{ engine: Engine; first: Followed }> {
  const { db, loaded } = parts;
  const before = await versionBefore(parts);
  let current: Version = before ?? { model: loaded.model, source: loaded.source };
  const first = await startWith(parts, current);
  let problem = before !== undefined ? changing : first.applied ? undefined : pending(first.plan);
  let foreign = first.foreign;
  const inTurn = createTurns();
  const read = () => readVersion(parts);
  /** Serves `next` when `change` says that the tables are ready for it. */
  const take = async <T>(next: Version, change: () => Promise<Outcome<T>>) => {
    const prepared = await parts.prepare(next.model);
    const { serve, result, foreign: others } = await orDiscard(prepared, change);
    if (!serve) return result;
    await prepared.mount();
    await keepSource(db, next.model.schema, next.source);
    current = next;
    foreign = others;
    problem = undefined;
    return result;
  };
  const engine: Engine = {
    model: () => current.model,
    source: () => current.source,
    problem: () => problem,
    readOnly: () => (parts.readOnly ? asAsked : foreign ? foreignTables : undefined),
    follow: () =>
      inTurn(async () => {
        const next = await read();
        return take(next, async () => {
          const followed = await applyByRule(parts, next.model);
          const result = { ...followed, changed: next.source !== current.source };
          return { serve: followed.applied, foreign: followed.foreign, result };
        });
      }),
    plan: async () => planModel(db, (await read()).model),
    apply: (options) =>
      inTurn(async () => {
        const next = await read();
        if (options.allowDestructive) await refuseWhileChanging(parts);
        return take(next, async () => served(await applyModel(db, next.model, options)));
      }),
    versions: async () => ({ served: current.model, wanted: (await read()).model }),
    exchange: (change) =>
      inTurn(async () => {
        const next = await read();
        await take(next, async () => served(await change(next.model)));
      }),
    drift: async () => driftOf(db, (await read()).model),
  };
  return { engine, first };
}

async function readVersion({ settings, loaded }: EngineParts): Promise<Version> {
  const source = await readSchema(settings.schemaPath);
  return { source, model: checkModel(settings.schemaPath, source, loaded) };
}

const changing = "fields of the schema file are changing their codec; see: holdfast migrate --status";

async function refuseWhileChanging({ db, loaded }: EngineParts): Promise<void> {
  const [move] = await readMoves(db, loaded.model.schema, ["copying"]);
  if (move === undefined) return;
  throw new ServiceError("CONFLICT", `${move.schema}.${move.table}.${move.column} is changing its codec.`, {
    details: { remedy: "Wait for its end (holdfast migrate), or give it up: holdfast migrate --abandon." },
  });
}

async function startWith(parts: EngineParts, { model, source }: Version): Promise<Followed> {
  const prepared = await parts.prepare(model);
  try {
    const followed = await applyByRule(parts, model);
    await prepared.mount();
    if (followed.applied) await keepSource(parts.db, model.schema, source);
    return { ...followed, changed: true };
  } catch (error) {
    await prepared.discard();
    throw error;
  }
}

async function orDiscard<T>(prepared: PreparedApi, change: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    const done = await change();
    if (!done.serve) await prepared.discard();
    return done;
  } catch (error) {
    await prepared.discard();
    throw error;
  }
}

const nothing: SchemaPlan = { changes: [], destructive: [], refused: [] };

const asAsked = "it was started with --read-only";
const foreignTables =
  "its tables were made by others, and are served as they are; holdfast apply takes them into its care, with what it adds beside them";

/** Drift never stops the server: what cannot be applied is told. */
async function applyByRule({ db, rule }: EngineParts, model: Model): Promise<Omit<Followed, "changed">> {
  const plan = await planModel(db, model);
  const foreign = false;
  if (plan.changes.length === 0) return { plan, applied: true, foreign };
  const isAdded = plan.changes.every(({ kind, refusal }) => additions.has(kind) && refusal === undefined);
  if (rule === "never" && isAdded && !(await isApplied(db, model)))
    return { plan: nothing, applied: true, foreign: true };
  // Without them the tables are as the model says; subscriptions to those tables are refused by name.
  const isOnlyWatches = plan.changes.every(({ kind }) => kind === "watch");
  if (rule === "never" && isOnlyWatches) return { plan: nothing, applied: true, foreign };
  if (rule === "never" || plan.destructive.length > 0 || plan.refused.length > 0)
    return { plan, applied: false, foreign };
  try {
    return { plan: await applyModel(db, model, { allowDestructive: false }), applied: true, foreign };
  } catch (error) {
    if (isServiceError(error, "DESTRUCTIVE_CHANGE") || isServiceError(error, "CONSTRAINT_VIOLATION"))
      return { plan, applied: false, foreign };
    throw error;
  }
}

function pending({ changes }: SchemaPlan): string {
  const count = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  return `${count} of the schema file not applied; see: holdfast plan`;
}

/** One piece of work at a time, in the order asked for: a save and an `apply` must not overtake one another. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
