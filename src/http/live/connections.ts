/** Connections that stay open: counted, looked at again while they last, and ended when the server or the schema ends. */

import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../../errors.ts";
import { identify } from "../caller.ts";
import type { GraphqlMount } from "../graphql-route.ts";
import { type HttpLimits, limitSettings } from "../limits.ts";
import type { TokenSource } from "../token-source.ts";
import type { Principal } from "../tokens.ts";

/** A connection that streams, or can. */
export interface LiveConnection {
  /** The endpoint that its streams come from. */
  readonly mount: Pick<GraphqlMount, "use">;
  /** Undefined: it has not said yet who it is. */
  readonly authorization: string | undefined;
  readonly isKnown: boolean;
  /** Its token still counts; its rights may have changed. */
  renew(principal: Principal): void;
  /** Its token does not count any more. */
  refuse(error: unknown): void;
  /** The schema that its streams were begun with is served no more. */
  changeOver(): void;
  /** The server is going away. */
  goAway(): void;
  /** Ends it at once, whatever it does. */
  destroy(): void;
}

/** All connections of one server that stay open. */
export class LiveConnections {
  readonly limits: HttpLimits;
  readonly #tokens: TokenSource | undefined;
  readonly #all = new Set<LiveConnection>();
  readonly #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #empty: (() => void) | undefined;

  constructor(limits: HttpLimits, tokens: TokenSource | undefined) {
    this.limits = limits;
    this.#tokens = tokens;
    // Without tokens everyone is the same, for ever.
    if (tokens !== undefined) this.#timer = setInterval(() => this.#recheck(), limits.recheckMs).unref();
  }

  /** @throws {RATE_LIMITED} when there are too many, {DATABASE_UNAVAILABLE} when the server is stopping. */
  check(): void {
    if (this.#isClosed)
      throw new ServiceError("DATABASE_UNAVAILABLE", "The server is going away; connect again.");
    const { liveConnections } = this.limits;
    if (this.#all.size < liveConnections) return;
    const setting = limitSettings.liveConnections;
    throw new ServiceError(
      "RATE_LIMITED",
      `This server has ${this.#all.size} streaming connections; the limit is ${liveConnections} (${setting}).`,
      {
        details: {
          limit: liveConnections,
          setting,
          remedy: `Close some, or raise ${setting} at the server.`,
        },
      },
    );
  }

  add(connection: LiveConnection): void {
    this.#all.add(connection);
  }

  remove(connection: LiveConnection): void {
    this.#all.delete(connection);
    if (this.#all.size === 0) this.#empty?.();
  }

  /** @throws {UNAUTHENTICATED | FORBIDDEN} */
  async identify(headers: IncomingHttpHeaders): Promise<Principal> {
    return identify(headers, "READ", this.#tokens);
  }

  /** The endpoint serves another schema now; streams of other endpoints go on. */
  changeOver(mount: LiveConnection["mount"]): void {
    for (const connection of [...this.#all]) if (connection.mount === mount) connection.changeOver();
  }

  /** Asks every connection to end, and ends those that have not after `waitMs`. */
  async close(waitMs: number): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const ended = Promise.withResolvers<void>();
    this.#empty = ended.resolve;
    for (const connection of [...this.#all]) connection.goAway();
    if (this.#all.size === 0) return;
    const timer = setTimeout(ended.resolve, waitMs);
    await ended.promise;
    clearTimeout(timer);
    for (const connection of [...this.#all]) connection.destroy();
  }

  #recheck(): void {
    for (const connection of this.#all) {
      if (!connection.isKnown) continue;
      const { authorization } = connection;
      this.identify(authorization === undefined ? {} : { authorization }).then(
        (principal) => connection.renew(principal),
        (error: unknown) => connection.refuse(error),
      );
    }
  }
}
