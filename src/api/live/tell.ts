/** What one subscription is told of an entry: the compiled statement run over its rows, and what SQL could not tell completed. */

import type { GraphQLError } from "graphql";
import type { ChangeEntry } from "../../db/changes.ts";
import type { Entity } from "../../model/model.ts";
import type { ChangeField, ChangePlan } from "../../plan/plan-change.ts";
import type { SelectStatement } from "../../sql/select.ts";
import { parameterValues } from "../../sql/select-builder.ts";
import { type ChangeShape, compileChange } from "../../sql/select-change.ts";
import { slotIn, valueAt } from "../answer-slot.ts";
import { codecSql } from "../codec-sql.ts";
import { completeTasks } from "../complete-answer.ts";
import { newWalk, walkRow } from "../completion.ts";
import type { ReadServices } from "../execute-query.ts";
import { parseExact } from "../json-text.ts";
import { type ApiLimits, beyondLimit } from "../limits.ts";
import type { ResolvedArguments } from "../resolve-arguments.ts";
import type { UserRequest } from "../user-answers.ts";
import { changesGone } from "./position.ts";
import { type Source, sourceOf } from "./source.ts";

/** A change that a subscription is told of; who gets it adds the cursor. */
export interface Told {
  /** Row of the entry, from 1. */
  readonly n: number;
  readonly at: string;
  readonly kind: "CREATED" | "UPDATED" | "DELETED";
  readonly id: string;
  readonly fits: boolean;
  /** By the name under which the statement answers it. */
  readonly rows: Readonly<Record<string, unknown>>;
  readonly errors: readonly GraphQLError[];
  /** Characters of JSON, about. */
  readonly size: number;
}

/** One subscription's question. */
export interface Question {
  readonly plan: ChangePlan;
  readonly entity: Entity;
  /** Arguments of the plan's places; behind them the viewer's rules, where there are any. */
  readonly resolved: ResolvedArguments;
  /** Place of the viewer's rules. */
  readonly rules: number | undefined;
  /** Who asks, and in which words. */
  readonly request: UserRequest;
}

const kinds = { INSERT: "CREATED", UPDATE: "UPDATED", DELETE: "DELETED" } as const;

/** Name under which the statement answers the field at `index` of the selection. */
function rowName(index: number): string {
  return `row${index}`;
}

/** Tells of entries, for one question. */
export class Teller {
  readonly #services: ReadServices;
  readonly #question: Question;
  readonly #statements = new Map<string, SelectStatement>();

  constructor(services: ReadServices, question: Question) {
    this.#services = services;
    this.#question = question;
  }

  /** Compiles what will be asked, so that what cannot be is refused at once. @throws {BAD_USER_INPUT} naming the filter. */
  check(): void {
    const { entity, resolved } = this.#question;
    const positions = entity.key.map((_, index) => index);
    const asked = [...resolved, { rows: "[]" }];
    for (const operation of ["INSERT", "UPDATE", "DELETE"] as const) {
      const old = operation === "INSERT" ? undefined : positions.length;
      this.#statement({ operation, positions, old }, asked);
    }
  }

  /** What is told of an entry, in the order of its rows. @throws {CHANGES_GONE} for a table that was emptied without a word of its rows. */
  async tell(entry: ChangeEntry): Promise<readonly Told[]> {
    if (entry.operation === "TRUNCATE")
      throw changesGone(
        `The table ${entry.schema}.${entry.table} was emptied by TRUNCATE, which names no rows`,
      );
    const { model } = this.#services;
    const source = sourceOf(model, this.#question.entity, entry);
    if (source === undefined) return [];
    const resolved = [...this.#question.resolved, { rows: source.rows }];
    const statement = this.#statement(source, resolved);
    const { db } = this.#services;
    const values = parameterValues(statement.parameters, resolved);
    const { rows } = await db.query<{ data: string }>(statement.text, values);
    const text = rows[0]?.data ?? "[]";
    checkSize(text, this.#services.limits);
    // The statement answers a list of such objects.
    const found = parseExact(text) as Record<string, unknown>[];
    return await this.#complete(found, { source, at: entry.at, resolved, size: text.length });
  }

  #statement(
    { operation, positions, old }: Pick<Source, "operation" | "positions" | "old">,
    resolved: ResolvedArguments,
  ): SelectStatement {
    const key = JSON.stringify([operation, positions, old]);
    const known = this.#statements.get(key);
    if (known !== undefined) return known;
    const { plan, entity, rules } = this.#question;
    const shape: ChangeShape = {
      entity,
      operation,
      positions,
      old,
      where: 0,
      at: resolved.length - 1,
      rows: plan.selection.flatMap((field, index) =>
        field.kind === "row" ? [{ name: rowName(index), selection: field.selection }] : [],
      ),
    };
    const { model, registry } = this.#services;
    const statement = compileChange(shape, { model, codecs: codecSql(registry), resolved, rules });
    this.#statements.set(key, statement);
    return statement;
  }

  async #complete(
    found: readonly Record<string, unknown>[],
    about: {
      readonly source: Source;
      readonly at: string;
      readonly resolved: ResolvedArguments;
      readonly size: number;
    },
  ): Promise<readonly Told[]> {
    const told: Told[] = [];
    for (const row of found) {
      told.push({
        n: about.source.rowOf(Number(row["n"])),
        at: about.at,
        kind: kinds[about.source.operation],
        id: String(row["id"]),
        fits: row["fits"] === true,
        ...(await this.#rows(row, about.resolved)),
        size: about.size / found.length,
      });
    }
    return told;
  }

  async #rows(
    row: Record<string, unknown>,
    resolved: ResolvedArguments,
  ): Promise<Pick<Told, "rows" | "errors">> {
    const { plan, entity, request } = this.#question;
    const { model, registry, objects, urls, limits, users } = this.#services;
    const { baseUrl } = request.context;
    const context = {
      registry,
      objects,
      urls,
      baseUrl,
      inlineLimitBytes: limits.inlineLimitBytes,
      arguments: resolved,
    };
    const rows: Record<string, unknown> = {};
    const errors: GraphQLError[] = [];
    for (const [index, field] of plan.selection.entries()) {
      if (field.kind !== "row") continue;
      const slot = slotIn({ [field.key]: row[rowName(index)] ?? null }, field.key, {
        nullable: true,
        parent: undefined,
      });
      const walk = newWalk(model, [plan.key]);
      walkRow(walk, slot, { entity: entity.name, selection: field.selection });
      await completeTasks(walk, context, limits.parallelReads);
      if (walk.users.length > 0) await users?.rows(walk, resolved, request);
      rows[rowName(index)] = valueAt(slot);
      errors.push(...walk.faults.errors);
    }
    return { rows, errors };
  }
}

/** What PostgreSQL answers for an entry is held in memory, as an answer is. @throws {LIMIT_EXCEEDED} */
function checkSize(text: string, limits: ApiLimits): void {
  const bytes = text.length * 3 <= limits.maxAnswerBytes ? 0 : Buffer.byteLength(text);
  if (bytes <= limits.maxAnswerBytes) return;
  throw beyondLimit(`The changes of one statement have ${bytes} bytes`, "maxAnswerBytes", limits, {
    remedy: "Select less of each row, and resume after the last cursor.",
  });
}

/** The change as the subscription selects it. */
export function changeData(plan: ChangePlan, told: Told, cursor: string): Readonly<Record<string, unknown>> {
  const value = (field: ChangeField, index: number): unknown => {
    switch (field.kind) {
      case "typename":
        return field.type;
      case "row":
        return told.rows[rowName(index)] ?? null;
      case "matches":
        return told.fits;
      case "cursor":
        return cursor;
      default:
        return told[field.kind];
    }
  };
  const change: Record<string, unknown> = Object.create(null);
  for (const [index, field] of plan.selection.entries()) change[field.key] = value(field, index);
  return { [plan.key]: change };
}
