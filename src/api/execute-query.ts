/** A query from plan to answer: one statement; text goes through untouched unless something needs completion. */

import { createHash } from "node:crypto";
import type { GraphQLError, GraphQLSchema } from "graphql";
import type { CodecRegistry } from "../codec/registry.ts";
import type { Queryable } from "../db/contract.ts";
import type { Model } from "../model/model.ts";
import type { Capabilities, ObjectReaderFactory, Uploads } from "../object/contract.ts";
import { collectFields } from "../plan/collect-fields.ts";
import type { Plan } from "../plan/plan.ts";
import { compileSelect, type SelectContext, type SelectStatement, toldApart } from "../sql/select.ts";
import { type CodecSql, parameterValues } from "../sql/select-builder.ts";
import type { Slot } from "./answer-slot.ts";
import { answerText } from "./answer-text.ts";
import { codecSql } from "./codec-sql.ts";
import { completeTasks } from "./complete-answer.ts";
import { completeUploads } from "./complete-upload.ts";
import { newWalk, type Walk, walkRoots } from "./completion.ts";
import { introspect, introspectionLists } from "./introspection.ts";
import { completeJobs } from "./jobs/complete-jobs.ts";
import { parseExact } from "./json-text.ts";
import { type ApiLimits, beyondLimit } from "./limits.ts";
import { type CachedPlan, fragmentsOf, type Operation, PlanCache } from "./plan-cache.ts";
import { planningBudget } from "./planning-budget.ts";
import { RawJson } from "./raw-json.ts";
import { type ResolvedArguments, resolveArguments, shapeOf } from "./resolve-arguments.ts";
import { type RuleBook, withRules } from "./row-rules.ts";
import type { UserAnswers } from "./user-answers.ts";
import type { UrlPlaces } from "./value-url.ts";
import type { WriteContext } from "./write/contract.ts";

/** What reading stands on. */
export interface ReadServices {
  readonly model: Model;
  readonly schema: GraphQLSchema;
  readonly registry: CodecRegistry;
  readonly db: Queryable;
  readonly objects: {
    readonly reader: ObjectReaderFactory;
    readonly capabilities: Capabilities;
    readonly uploads: Uploads;
  };
  readonly urls: UrlPlaces;
  readonly limits: ApiLimits;
  /** Absent: everybody sees all rows. */
  readonly rules?: RuleBook | undefined;
  /** Answers the fields of an extension, where there is one. */
  readonly users?: UserAnswers | undefined;
}

/** What a query says of its caller. */
export type ReadContext = WriteContext;

/** The answer to a query. */
export interface QueryAnswer {
  readonly data: RawJson | null;
  readonly errors: readonly GraphQLError[];
}

/** Statements that get a name on the server, so that their plans are kept there; more would fill its memory. */
const namedStatements = 500;

/** Executes queries of one schema version. */
export class QueryExecutor {
  readonly #services: ReadServices;
  readonly #plans: PlanCache;
  readonly #codecs: CodecSql;
  #named = 0;

  constructor(services: ReadServices) {
    const { schema, model, limits, registry } = services;
    this.#services = services;
    this.#plans = new PlanCache({ schema, model, limits });
    this.#codecs = codecSql(registry);
  }

  /** Answers a query. @throws ServiceError or GraphQLError when the request as a whole is refused. */
  async execute(request: Operation, context: WriteContext): Promise<QueryAnswer> {
    const cached = this.#plans.get(request);
    const { plan } = cached;
    const given = resolveArguments(plan.places, request.variables, this.#services);
    const { resolved, rules } = withRules(given, this.#services.rules?.of(context));
    const entry = this.#statement(cached, { resolved, rules });
    const { statement } = entry;
    const text =
      statement === undefined ? undefined : await this.#run(entry, statement, { resolved, context });
    const adds = plan.roots.some(({ kind }) => toldApart.has(kind));
    const isWhole =
      text !== undefined &&
      statement?.completes === false &&
      !adds &&
      !marked(text) &&
      !(statement.hasFloats && mayHoldNoNumber(text));
    if (isWhole) return { data: new RawJson(text), errors: [] };
    return this.#complete(request, { plan, resolved, text }, context);
  }

  #statement(cached: CachedPlan, seen: Pick<SelectContext, "resolved" | "rules">) {
    const { resolved } = seen;
    const shape = shapeOf(resolved);
    const known = cached.statements.get(shape);
    if (known !== undefined) return known;
    const { model } = this.#services;
    const budget = planningBudget(this.#services.limits);
    const statement = compileSelect(cached.plan, { model, codecs: this.#codecs, ...seen });
    budget.check();
    const entry: { statement: SelectStatement | undefined; uses: number; name?: string } = {
      statement,
      uses: 0,
    };
    cached.statements.set(shape, entry);
    return entry;
  }

  async #run(
    entry: { uses: number; name?: string },
    statement: SelectStatement,
    { resolved, context }: { readonly resolved: ResolvedArguments; readonly context: ReadContext },
  ): Promise<string> {
    entry.uses += 1;
    if (entry.name === undefined && entry.uses > 1 && this.#named < namedStatements) {
      this.#named += 1;
      entry.name = `read_${createHash("sha256").update(statement.text).digest("hex").slice(0, 32)}`;
    }
    const name = entry.name === undefined ? {} : { name: entry.name };
    const values = parameterValues(statement.parameters, resolved);
    const db = context.inside?.transaction ?? this.#services.db;
    const { rows } = await db.query<{ data: string }>(statement.text, values, {
      ...name,
      signal: context.signal,
    });
    return checkSize(rows[0]?.data ?? "{}", this.#services.limits);
  }

  async #complete(
    request: Operation,
    {
      plan,
      resolved,
      text,
    }: { readonly plan: Plan; readonly resolved: ResolvedArguments; readonly text: string | undefined },
    context: ReadContext,
  ): Promise<QueryAnswer> {
    const { model, registry, objects, urls, limits } = this.#services;
    // The statement answers an object with the keys of the root fields.
    const found = (text === undefined ? {} : parseExact(text)) as Record<string, unknown>;
    const introspected = await this.#introspect(request, plan);
    const data: Record<string, unknown> = Object.create(null);
    for (const root of plan.roots) {
      if (root.kind === "typename") data[root.key] = root.type;
      else data[root.key] = (root.kind === "introspection" ? introspected.data : found)[root.key] ?? null;
    }
    const walk = newWalk(model);
    walkRoots(walk, { roots: plan.roots, data, resolved });
    const { baseUrl, signal } = context;
    const { inlineLimitBytes } = limits;
    // What an extension answers may need values and not their text.
    const asJson = walk.users.length === 0;
    await completeTasks(
      walk,
      { registry, objects, urls, baseUrl, inlineLimitBytes, arguments: resolved, signal, asJson },
      limits.parallelReads,
    );
    await completeUploads(walk, { plan, data, request, context }, this.#services);
    await completeJobs(walk, { plan, data, request, context }, this.#services);
    await this.#services.users?.answer(walk, { plan, data, resolved, request, context });
    const errors = [...introspected.errors, ...walk.faults.errors];
    if (walk.faults.isLost) return { data: null, errors };
    return { data: new RawJson(checkSize(answerText(data, slotsOf(walk)), limits)), errors };
  }

  async #introspect(request: Operation, plan: Plan) {
    const keys = new Set(plan.roots.flatMap((root) => (root.kind === "introspection" ? [root.key] : [])));
    const { schema, limits } = this.#services;
    const query = schema.getQueryType();
    if (keys.size === 0 || query === undefined || query === null) return { data: {}, errors: [] };
    const { document, operation, variables } = request;
    const budget = planningBudget(limits);
    const context = { schema, fragments: fragmentsOf(document), variables, budget };
    const fields = collectFields(context, query, [operation.selectionSet]);
    const nodes = [...fields].flatMap(([key, found]) => (keys.has(key) ? found : []));
    const enough = limits.maxIntrospectionLists;
    if (introspectionLists(nodes, context.fragments, { enough, budget }) > enough)
      throw beyondLimit(
        `The operation asks introspection for more than ${enough} lists`,
        "maxIntrospectionLists",
        limits,
      );
    return introspect({ schema, document, operation, nodes, variables });
  }
}

function* slotsOf({ tasks }: Walk): Generator<Slot> {
  for (const { slot } of tasks) yield slot;
}

/** Whether the text holds a value that only JavaScript can turn into an answer; see `src/sql/select-type.ts`. */
function marked(text: string): boolean {
  // One look for what both marks begin with; JSON of users with an empty key has a blank there.
  for (let at = text.indexOf('{"":'); at >= 0; at = text.indexOf('{"":', at + 1)) {
    const next = text[at + 4];
    if (next === '"' || next === "{") return true;
  }
  return false;
}

/** Whether a Float of the text may be none that JSON has; what else looks like it costs no more than a look at every value. */
function mayHoldNoNumber(text: string): boolean {
  return text.includes('NaN"') || text.includes('Infinity"');
}

/** A character has three bytes of UTF-8 at most: short texts need no count. */
function checkSize(text: string, limits: ApiLimits): string {
  if (text.length * 3 <= limits.maxAnswerBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.maxAnswerBytes) return text;
  throw beyondLimit(`The answer has ${bytes} bytes`, "maxAnswerBytes", limits, {
    remedy: "Ask for smaller pages.",
  });
}
