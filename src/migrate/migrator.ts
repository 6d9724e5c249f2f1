/** Fields that change their codec while everybody reads and writes: begun, run in the background, given up, cleaned up. */

import { setTimeout as sleep } from "node:timers/promises";
import { alone } from "../db/alone.ts";
import { planModel, takeTurn, withPatience } from "../db/apply.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { abandonStatements, beginStatements, dropStatements } from "../sql/codec-move.ts";
import type { MigrateServices, MoveScope, MoveState, PlannedMove, ServedSchema } from "./contract.ts";
import { copyPass, type OpenMove } from "./copy.ts";
import { findMoves, openMoves, planned } from "./moves.ts";
import { forgetFaults, insertMove, readMoves, recordError, recordFailures, recordState } from "./record.ts";
import { countPending } from "./rows.ts";
import { swap } from "./swap.ts";

/** Where the runs are told of. */
export interface MigrateLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface MigratorParts extends MigrateServices {
  readonly schema: ServedSchema;
  readonly log: MigrateLog;
}

/** How long locks of tables in use are asked for. */
const patienceMs = 60_000;
/** Tries of the last step, with another pass between two of them. */
const swapTries = 40;
/** Values that nobody minds to wait for. */
const fewRows = 64;
const longestRestMs = 1000;

export class Migrator {
  readonly #parts: MigratorParts;
  #running: { readonly ended: Promise<void>; readonly stop: AbortController } | undefined;

  constructor(parts: MigratorParts) {
    this.#parts = parts;
  }

  /** Every change of the served file's schema, the ended ones too. */
  async states(): Promise<readonly MoveState[]> {
    return readMoves(this.#parts.db, await this.#owner());
  }

  /** What `begin` would do. */
  async plan({ stores }: MoveScope): Promise<readonly PlannedMove[]> {
    const { db, schema } = this.#parts;
    const found = await findMoves(this.#parts, db, { ...(await schema.versions()), stores });
    return Promise.all(found.filter(({ isBegun }) => !isBegun).map((one) => planned(db, one)));
  }

  /**
   * Adds the hidden columns for all fields whose codec the file changes, and begins to copy; goes on with what was begun.
   * @throws {CONSTRAINT_VIOLATION} when a field cannot be changed so, or the file has other changes that stand in the way.
   */
  async begin(by: string, { stores }: MoveScope): Promise<readonly MoveState[]> {
    const { db, schema } = this.#parts;
    const versions = await schema.versions();
    await withPatience(db, patienceMs, async (transaction) => {
      await takeTurn(transaction);
      const found = await findMoves(this.#parts, transaction, { ...versions, stores });
      const blocked = found.filter(({ obstacle }) => obstacle !== undefined);
      if (blocked.length > 0) throw obstructed(blocked);
      const plan = await planModel(transaction, versions.wanted);
      const own = new Set(
        found.map(({ move: { table, column } }) => `${table.schema}.${table.name}.${column.name}`),
      );
      const others = [...plan.destructive, ...plan.refused].filter(
        (change) => !own.has(`${change.table}.${change.column}`),
      );
      if (others.length > 0) throw inTheWay(others.map(({ summary }) => summary));
      for (const { move, isBegun } of found) {
        if (isBegun) continue;
        for (const statement of beginStatements(move)) await transaction.query(statement);
        await insertMove(transaction, versions.wanted.schema, move, by);
      }
      await forgetFaults(transaction, versions.wanted.schema);
    });
    await this.resume();
    return this.states();
  }

  /** Goes on with what was begun and is not at its end; in the background. */
  async resume(): Promise<void> {
    const owner = await this.#owner();
    const open = await readMoves(this.#parts.db, owner, ["copying"]);
    if (open.length === 0 || this.#running !== undefined) return;
    const stop = new AbortController();
    const ended = this.#run(owner, stop.signal).finally(() => {
      this.#running = undefined;
    });
    this.#running = { ended, stop };
  }

  /** Takes the copies back. What the file wants is then a destructive change again. */
  async abandon(): Promise<readonly MoveState[]> {
    await this.#stop();
    return this.#end("copying", "abandoned", abandonStatements);
  }

  /** Drops the values as they were before. */
  async dropOld(): Promise<readonly MoveState[]> {
    return this.#end("swapped", "dropped", dropStatements);
  }

  async close(): Promise<void> {
    await this.#stop();
  }

  async #stop(): Promise<void> {
    this.#running?.stop.abort(new Error("The service is closing."));
    await this.#running?.ended;
  }

  async #owner(): Promise<string> {
    return (await this.#parts.schema.versions()).wanted.schema;
  }

  async #end(
    from: MoveState["state"],
    to: "abandoned" | "dropped",
    statements: (column: MoveState) => readonly string[],
  ): Promise<readonly MoveState[]> {
    const owner = await this.#owner();
    await withPatience(this.#parts.db, patienceMs, async (transaction) => {
      await takeTurn(transaction);
      const moves = await readMoves(transaction, owner, [from]);
      for (const move of moves) for (const statement of statements(move)) await transaction.query(statement);
      await recordState(
        transaction,
        moves.map(({ id }) => id),
        to,
      );
    });
    return this.states();
  }

  async #run(owner: string, signal: AbortSignal): Promise<void> {
    const { db, log } = this.#parts;
    try {
      await alone(db, "codec-migration", async () => {
        await this.#copyAndSwap(owner, signal);
      });
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, "a change of codecs has stopped; holdfast migrate goes on with it");
      const message = isServiceError(error) ? error.message : "Something unforeseen; the log has it.";
      await recordError(db, owner, message).catch(() => undefined);
    }
  }

  async #copyAndSwap(owner: string, signal: AbortSignal): Promise<void> {
    const { db, schema, log } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const versions = await schema.versions();
      const states = await readMoves(db, owner, ["copying"]);
      if (states.length === 0) return;
      const found = await findMoves(this.#parts, db, versions);
      const open = openMoves(this.#parts, states, { found, wanted: versions.wanted });
      const copied = await this.#copyAll(open, versions.wanted, signal);
      if (copied === undefined)
        return recordError(db, owner, "Rows are in the way, so that no field was changed.");
      try {
        await schema.exchange(async (wanted) =>
          db.transaction(
            (transaction) => swap(this.#parts, open, { ...copied, transaction, wanted, signal, attempt }),
            {
              lockTimeoutMs: 2000,
            },
          ),
        );
        log.info({ fields: open.length }, "fields have changed their codec");
        return;
      } catch (error) {
        if (attempt === swapTries || !isServiceError(error, "CONFLICT")) throw error;
        log.info({ attempt, reason: error.message }, "fields wait to change their codec");
        await sleep(Math.random() * longestRestMs, undefined, { signal });
      }
    }
  }

  /** Pass after pass, until hardly anything waits or what waits does not become less; `undefined` when rows are in the way. */
  async #copyAll(
    open: readonly OpenMove[],
    model: Model,
    signal: AbortSignal,
  ): Promise<{ readonly waiting: number } | undefined> {
    const { db } = this.#parts;
    let most = 0;
    let isWhole = true;
    for (const one of open) {
      for (let before = await countPending(db, one.move); ; ) {
        const failures = await copyPass(this.#parts, one, { model, signal });
        await recordFailures(db, one.id, failures);
        const waiting = (await countPending(db, one.move)) - failures.count;
        if (waiting < fewRows || waiting > before / 2) {
          isWhole &&= failures.count === 0;
          most = Math.max(most, waiting);
          break;
        }
        before = waiting;
      }
    }
    return isWhole ? { waiting: most } : undefined;
  }
}

function obstructed(blocked: Awaited<ReturnType<typeof findMoves>>): ServiceError {
  const problems = blocked.map(({ move: { table, column }, obstacle }) => ({
    message: `${table.schema}.${table.name}.${column.name}: ${obstacle}.`,
  }));
  return new ServiceError(
    "CONSTRAINT_VIOLATION",
    `The codec cannot be changed with the values kept.\n${problems.map(({ message }) => message).join("\n")}`,
    {
      details: {
        problems,
        remedy: "Keep the codec; or give the new one a field of its own, and copy the values by a program.",
      },
    },
  );
}

function inTheWay(summaries: readonly string[]): ServiceError {
  return new ServiceError(
    "CONSTRAINT_VIOLATION",
    `The schema file has other changes, which come first:\n${summaries.join("\n")}`,
    { details: { remedy: "Apply them alone, then change the codec." } },
  );
}
