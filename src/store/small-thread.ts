/** A thread for the small files of one store, started when it is first needed. It holds no process alive that has nothing else to do. */

import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { errorOf, type SmallAsk, type SmallDone, type SmallReply, type SmallWork } from "./small-contract.ts";

/** It holds two groups of files at a time, and little else. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

interface Waiting {
  readonly resolve: (done: SmallDone[keyof SmallDone]) => void;
  readonly reject: (error: Error) => void;
}

export class SmallThread {
  #worker: Worker | undefined;
  #last = 0;
  readonly #waiting = new Map<number, Waiting>();

  /** Does the work there. @throws what the work threw; an error of the thread, which is started anew the next time. */
  run<Kind extends SmallWork["kind"]>(
    work: Extract<SmallWork, { readonly kind: Kind }>,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<SmallDone[Kind]> {
    const { promise, resolve, reject } = Promise.withResolvers<SmallDone[keyof SmallDone]>();
    const id = ++this.#last;
    this.#worker ??= this.#start();
    this.#waiting.set(id, { resolve, reject });
    this.#worker.ref();
    const ask: SmallAsk = { id, work };
    this.#worker.postMessage(ask, moved);
    // Each kind of work has its kind of answer.
    return promise as Promise<SmallDone[Kind]>;
  }

  #start(): Worker {
    // Beside this file, built or not.
    const file = join(import.meta.dirname, `small-worker${extname(import.meta.filename)}`);
    const worker = new Worker(file, { env: {}, execArgv: [], name: "small-files", resourceLimits });
    worker.on("message", (reply: SmallReply) => this.#receive(worker, reply));
    worker.on("error", (error) => this.#lose(worker, error));
    worker.on("exit", () => this.#lose(worker, new Error("The thread for small files has ended.")));
    return worker;
  }

  #receive(worker: Worker, reply: SmallReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) worker.unref();
    if ("done" in reply) waiting?.resolve(reply.done);
    else waiting?.reject(errorOf(reply.error));
  }

  #lose(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values())
      reject(error instanceof Error ? error : new Error(String(error)));
    this.#waiting.clear();
  }
}
