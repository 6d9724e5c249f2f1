/** A PostgreSQL of the drill, which is ended at once and started again on the same port. */

import { setTimeout as delay } from "node:timers/promises";
import { type EmbeddedPostgres, startEmbedded } from "../../../src/db/embedded.ts";

export class Server {
  restarts = 0;
  readonly #folder: string;
  #running: EmbeddedPostgres;

  private constructor(folder: string, running: EmbeddedPostgres) {
    this.#folder = folder;
    this.#running = running;
  }

  static async start(folder: string): Promise<Server> {
    return new Server(folder, await startEmbedded({ folder, settings }));
  }

  get url(): string {
    return this.#running.url;
  }

  /** `pg_ctl stop -m immediate`: no checkpoint, no goodbye; what was acknowledged is in the log. */
  async crash(): Promise<void> {
    const { port, pid, exited } = this.#running;
    process.kill(pid, "SIGQUIT");
    await exited;
    await delay(100);
    this.#running = await startEmbedded({ folder: this.#folder, port, settings });
    this.restarts += 1;
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }
}

// The machine goes on: what was written to a file is there, synced or not.
const settings = ["fsync=off", "synchronous_commit=on", "max_connections=200"];
