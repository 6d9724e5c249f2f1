/** One try of a request's transaction, as the hooks see it. */

import type { Transaction } from "../../db/contract.ts";
import { ServiceError } from "../../errors.ts";
import type { ExtensionContext, RowChange, TableHooks, Values } from "../../extend/contract.ts";
import type { Entity } from "../../model/model.ts";
import { identifier, qualified } from "../../sql/quote.ts";
import type { Inside, OperationRequest, WrittenRows } from "../write/contract.ts";
import type { KeyedRows, WriteAttempt } from "../write/extension.ts";
import { keyCondition, keysJson } from "../write/lock-row.ts";
import { callUser } from "./call-user.ts";
import { createLane } from "./lane.ts";
import { keyValuesOf, rowValues } from "./row-values.ts";
import type { UserScope, UserServices } from "./services.ts";

/** A row that was written, by the text of its key. */
interface Written {
  readonly entity: Entity;
  readonly kind: WrittenRows["kind"];
  readonly key: readonly string[];
  readonly old: Values | undefined;
}

const afterHooks = { created: "afterCreate", updated: "afterUpdate", deleted: "afterDelete" } as const;

/** Tells hooks of rows, in the transaction and after its commit. */
export class HookedAttempt implements WriteAttempt {
  readonly inside: Inside;
  readonly #services: UserServices;
  readonly #request: OperationRequest;
  readonly #transaction: Transaction;
  readonly #scope: UserScope;
  /** Rows before their change, by table and key. */
  readonly #old = new Map<string, Values>();
  #written: Written[] = [];
  /** Everything told, for after the commit. */
  #told: WrittenRows[] = [];

  constructor(services: UserServices, request: OperationRequest, transaction: Transaction) {
    const written = (changes: readonly WrittenRows[]) => void this.#told.push(...changes);
    this.#services = services;
    this.#request = request;
    this.#transaction = transaction;
    this.inside = { depth: request.context.inside?.depth ?? 0, transaction, written };
    this.#scope = { context: request.context, lane: createLane(transaction), written };
  }

  watches(entity: Entity): boolean {
    const hooks = this.#hooksOf(entity);
    return (
      hooks !== undefined &&
      Object.keys(hooks).some((name) => name.startsWith("after") || name === "beforeDelete")
    );
  }

  async look({ entity, keys }: KeyedRows): Promise<void> {
    if (keys.length === 0) return;
    const table = qualified(entity.schema, entity.table);
    const texts = entity.key.map((name) => `t.${identifier(name)}::text`);
    const { rows } = await this.#transaction.query<{ key: string[] }>(
      `SELECT ARRAY[${texts.join(", ")}] AS key FROM ${table} AS t, json_populate_recordset(NULL::${table}, $1::json) AS u
WHERE ${keyCondition(entity)} ORDER BY ${entity.key.map((name) => `t.${identifier(name)}`).join(", ")} FOR NO KEY UPDATE OF t`,
      [keysJson(entity, keys)],
    );
    await this.#remember({ entity, keys: rows.map(({ key }) => key) });
  }

  async #remember({ entity, keys }: KeyedRows): Promise<readonly Values[]> {
    const rows = await rowValues(this.#services, this.#transaction, { entity, keys });
    for (const [index, row] of rows.entries())
      if (row !== null) this.#old.set(nameOf(entity, keys[index] ?? []), row);
    return rows.filter((row) => row !== null);
  }

  wrote(entity: Entity, rows: readonly { readonly key: readonly string[]; readonly isNew: boolean }[]): void {
    if (!this.watches(entity)) return;
    for (const { key, isNew } of rows) {
      const old = this.#old.get(nameOf(entity, key));
      if (!isNew && old === undefined)
        throw new ServiceError("CONFLICT", `A row of ${entity.name} was created by somebody else just now.`);
      this.#written.push({ entity, kind: isNew ? "created" : "updated", key, old: isNew ? undefined : old });
    }
  }

  async doom(rows: readonly KeyedRows[]): Promise<void> {
    for (const { entity, keys } of rows) {
      if (!this.watches(entity) || keys.length === 0) continue;
      const found = await this.#remember({ entity, keys });
      const hook = this.#hooksOf(entity)?.beforeDelete;
      const changes = found.map((old): RowChange => ({ key: keyValuesOf(entity, old), old }));
      if (hook !== undefined)
        await this.#call(`${entity.name}.beforeDelete`, (context) => hook(changes, context));
      for (const key of keys) {
        const old = this.#old.get(nameOf(entity, key));
        this.#written.push({ entity, kind: "deleted", key, old });
      }
    }
  }

  async settle(): Promise<void> {
    const written = this.#written;
    this.#written = [];
    const tables = Map.groupBy(written, ({ entity, kind }) => `${kind} ${entity.name}`);
    for (const some of tables.values()) {
      const [first] = some;
      if (first === undefined) continue;
      const { entity, kind } = first;
      const rows = await this.#changesOf(entity, some);
      this.#told.push({ entity, kind, rows });
      const hook = this.#hooksOf(entity)?.[afterHooks[kind]];
      if (hook === undefined || rows.length === 0) continue;
      await this.#call(`${entity.name}.${afterHooks[kind]}`, (context) => hook(rows, context));
    }
  }

  /** Rows as they are now; one that is gone again was nobody's last word. */
  async #changesOf(entity: Entity, written: readonly Written[]): Promise<readonly RowChange[]> {
    if (written[0]?.kind === "deleted")
      return written.flatMap(({ old }) =>
        old === undefined ? [] : [{ key: keyValuesOf(entity, old), old }],
      );
    const keys = written.map(({ key }) => key);
    const now = await rowValues(this.#services, this.#transaction, { entity, keys });
    return written.flatMap(({ old }, index) => {
      const row = now[index];
      if (row === null || row === undefined) return [];
      return [{ key: keyValuesOf(entity, row), ...(old === undefined ? {} : { old }), row }];
    });
  }

  async rehearse<T>(work: () => Promise<T>): Promise<T> {
    const told = this.#told;
    this.#told = [];
    try {
      return await work();
    } finally {
      [this.#told, this.#written] = [told, []];
    }
  }

  committed(): void {
    const { written } = this.#request.context.inside ?? {};
    written?.(this.#told);
    if (written !== undefined) return;
    const tables = Map.groupBy(this.#told, ({ entity }) => entity);
    for (const [entity, changes] of tables) {
      const hook = this.#hooksOf(entity)?.afterCommit;
      if (hook !== undefined) this.#services.later(this.#afterCommit(entity, hook, changes));
    }
  }

  async #afterCommit(
    entity: Entity,
    hook: NonNullable<TableHooks["afterCommit"]>,
    changes: readonly WrittenRows[],
  ): Promise<void> {
    const rowsOf = (kind: WrittenRows["kind"]) =>
      changes.flatMap((change) => (change.kind === kind ? change.rows : []));
    const all = { created: rowsOf("created"), updated: rowsOf("updated"), deleted: rowsOf("deleted") };
    if (all.created.length + all.updated.length + all.deleted.length === 0) return;
    const { signal: _, inside: __, ...context } = this.#request.context;
    const name = `${entity.name}.afterCommit`;
    try {
      const scope = { context };
      await callUser(this.#services, scope, { name, work: (given) => hook(all, given) });
    } catch (error) {
      this.#services.log.error({ err: error, hook: name }, "A hook failed after the commit.");
    }
  }

  #hooksOf(entity: Entity): TableHooks | undefined {
    return entity.listOf === undefined ? this.#services.user.hooks[entity.name] : undefined;
  }

  async #call(name: string, work: (context: ExtensionContext) => void | Promise<void>): Promise<void> {
    await callUser(this.#services, this.#scope, { name, work });
  }
}

function nameOf(entity: Entity, key: readonly string[]): string {
  return JSON.stringify([entity.name, ...key]);
}
