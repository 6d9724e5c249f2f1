/**
 * Claims of tombstones: only who has one touches the bytes, and only until its end, which is counted by this process's own clock from before
 * it was asked for. Claims are renewed while they are worked on; those of a process that has stopped expire, and others take them.
 */

import { randomUUID } from "node:crypto";
import { ServiceError } from "../errors.ts";
import { parseLocator } from "../object/locator.ts";
import type { CollectorContext } from "./context.ts";
import { probing } from "./probe.ts";

/** A killed object whose bytes, or whose trash, one worker may touch. */
export interface Tombstone {
  readonly id: string;
  readonly locator: string;
  /** In its store. */
  readonly path: string;
  readonly isTree: boolean;
  /** As recorded. */
  readonly sizeBytes: number | undefined;
  /** 64 hex digits. */
  readonly sha256: string | undefined;
  readonly trash: string | null;
}

/** What claims are for: bytes that are to be hidden, or trash that is to be purged. */
export type Purpose = "hide" | "purge";

export interface ClaimRequest {
  readonly store: string;
  readonly purpose: Purpose;
  /** Only tombstones after this one. */
  readonly after: string;
  readonly count: number;
  readonly claimMs: number;
}

/** Which tombstones there are to claim, and to go on with. */
const due: Readonly<Record<Purpose, string>> = {
  hide: "hidden_at IS NULL",
  purge: "id IN (SELECT id FROM holdfast.purgeable)",
};

/** Share of a claim that is used: others may count a little differently. */
const usedShare = 0.9;

interface Row {
  id: string;
  locator: string;
  tree: boolean;
  size: string | null;
  sha256: string | null;
  trash: string | null;
}

/** Claims some tombstones of a store that is collected. What was claimed before and has expired is claimed again. */
export async function claim(context: CollectorContext, request: ClaimRequest): Promise<Claims> {
  const { store, purpose, after, count, claimMs } = request;
  // No two claims have one name: an expired one is not taken for its successor.
  const by = `${context.worker}/${randomUUID()}`;
  const asked = now();
  const rows = await probing<Row>(
    context.db,
    `WITH free AS MATERIALIZED (
       SELECT id FROM holdfast.tombstone
       WHERE ${due[purpose]} AND (claim_until IS NULL OR claim_until < clock_timestamp()) AND id > $2
         AND locator >= $1 || ':' AND locator < $1 || ';'
         AND EXISTS (SELECT FROM holdfast.store WHERE name = $1 AND gc = 'on')
       ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)
     UPDATE holdfast.tombstone t SET claim_by = $4, claim_until = clock_timestamp() + $5::float8 * interval '1 ms'
     FROM free WHERE t.id = free.id
     RETURNING t.id, t.locator, t.tree, t.size::text AS size, encode(t.sha256, 'hex') AS sha256, t.trash`,
    [store, after, count, by, claimMs],
  );
  const claims = new Claims(context, { ...request, by }, { rows, asked });
  await context.faults("claim.after");
  return claims;
}

/** A moment by the clock that nobody sets, and by the one that goes on while a machine sleeps. */
interface Moment {
  readonly steady: number;
  readonly wall: number;
}

function now(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

/** Claims that were taken together, and are renewed together until they are closed. */
export class Claims {
  readonly all: readonly Claim[];
  readonly #context: CollectorContext;
  readonly #request: ClaimRequest & { readonly by: string };
  readonly #open = new Map<string, Claim>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    context: CollectorContext,
    request: ClaimRequest & { readonly by: string },
    { rows, asked }: { readonly rows: readonly Row[]; readonly asked: Moment },
  ) {
    this.#context = context;
    this.#request = request;
    const claims = rows.map((row) => new Claim(tombstoneOf(row), request, asked));
    this.all = claims.sort((left, right) =>
      BigInt(left.tombstone.id) < BigInt(right.tombstone.id) ? -1 : 1,
    );
    for (const one of this.all) this.#open.set(one.tombstone.id, one);
    this.#timer = setInterval(() => void this.#renewOpen(), request.claimMs / 3).unref();
  }

  /** Renews claims now. Those that are another's, or have nothing left to do, are over afterwards. */
  async renew(some: readonly Claim[]): Promise<void> {
    await this.#renew(some);
  }

  /** Nothing more is done under this claim. */
  release(one: Claim): void {
    this.#open.delete(one.tombstone.id);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#open.clear();
  }

  /**
   * Ends those of the claims now that are still this worker's and under which nothing is under way: others need not wait for their time.
   * Answers how many.
   */
  async giveBack(some: readonly Claim[]): Promise<number> {
    const quiet = some.filter((one) => !one.isOver && one.isQuiet);
    for (const one of quiet) one.lose();
    if (quiet.length === 0) return 0;
    const rows = await probing<{ id: string }>(
      this.#context.db,
      `UPDATE holdfast.tombstone SET claim_until = clock_timestamp()
       WHERE id = ANY ($1::bigint[]) AND claim_by = $2 AND claim_until > clock_timestamp() RETURNING id`,
      [quiet.map(({ tombstone }) => tombstone.id), this.#request.by],
    );
    return rows.length;
  }

  async #renewOpen(): Promise<void> {
    try {
      await this.#renew([...this.#open.values()]);
    } catch (error) {
      // They end at their time.
      this.#context.warn(error, `claims of the store ${this.#request.store} could not be renewed`);
    }
  }

  /** By the same rule as they were taken: a store that is set to another mode meanwhile ends them. */
  async #renew(some: readonly Claim[]): Promise<void> {
    if (some.length === 0) return;
    const { store, by, purpose, claimMs } = this.#request;
    const asked = now();
    const rows = await probing<{ id: string }>(
      this.#context.db,
      `UPDATE holdfast.tombstone SET claim_until = clock_timestamp() + $3::float8 * interval '1 ms'
       WHERE id = ANY ($1::bigint[]) AND claim_by = $2 AND claim_until > clock_timestamp() AND ${due[purpose]}
         AND EXISTS (SELECT FROM holdfast.store WHERE name = $4 AND gc = 'on')
       RETURNING id`,
      [some.map(({ tombstone }) => tombstone.id), by, claimMs, store],
    );
    const held = new Set(rows.map(({ id }) => id));
    for (const one of some) {
      if (held.has(one.tombstone.id)) one.prolong(asked);
      else one.lose();
    }
  }
}

/** One claim. */
export class Claim {
  readonly tombstone: Tombstone;
  /** Its name in the database. */
  readonly by: string;
  readonly #claimMs: number;
  readonly #lost = new AbortController();
  #asked: Moment;
  #unanswered = 0;

  constructor(
    tombstone: Tombstone,
    { by, claimMs }: { readonly by: string; readonly claimMs: number },
    asked: Moment,
  ) {
    this.tombstone = tombstone;
    this.by = by;
    this.#claimMs = claimMs;
    this.#asked = asked;
  }

  /** Fires when the claim is another's. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether nothing may be done under it any more. */
  get isOver(): boolean {
    return this.#lost.signal.aborted || this.#remainingMs() <= 0;
  }

  /** @throws {CONFLICT} when nothing may be done under it any more. */
  check(): void {
    if (this.isOver) throw over(this.tombstone);
  }

  /** When what is sent now must have ended. @throws {CONFLICT} when nothing may be done any more. */
  expiresAt(): Date {
    this.check();
    return new Date(Date.now() + this.#remainingMs());
  }

  /** Whether the store has answered everything that would take bytes away. */
  get isQuiet(): boolean {
    return this.#unanswered === 0;
  }

  /** Something is sent that takes bytes away; until it is `answered` it may be carried out at any time. */
  sent(): void {
    this.#unanswered += 1;
  }

  answered(): void {
    this.#unanswered -= 1;
  }

  prolong(asked: Moment): void {
    this.#asked = asked;
  }

  lose(): void {
    this.#lost.abort(over(this.tombstone));
  }

  #remainingMs(): number {
    const { steady, wall } = now();
    const passed = Math.max(steady - this.#asked.steady, wall - this.#asked.wall);
    return this.#claimMs * usedShare - passed;
  }
}

function over({ id }: Tombstone): ServiceError {
  return new ServiceError("CONFLICT", `The claim of the tombstone ${id} is over.`, {
    details: { remedy: "Whoever claims it next goes on." },
  });
}

function tombstoneOf({ id, locator, tree, size, sha256, trash }: Row): Tombstone {
  const path = parseLocator(locator)?.path ?? "";
  return {
    id,
    locator,
    path,
    isTree: tree,
    sizeBytes: size === null ? undefined : Number(size),
    sha256: sha256 ?? undefined,
    trash,
  };
}
