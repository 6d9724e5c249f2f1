/** Questions of many writers, asked together: each alone would cost a statement, and perhaps a commit, of its own. */

import { isServiceError } from "../errors.ts";

/** How questions are asked; `all` answers in their order. */
export interface Ways<Asked, Answer> {
  readonly all: (asked: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly one: (asked: Asked) => Promise<Answer>;
}

interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly answer: PromiseWithResolvers<Answer>;
}

/** Statements on their way at the same time; who comes meanwhile goes together into the next one. */
const atOnce = 4;
const mostInOne = 200;

/** Collects questions of one turn, and those that come while others are on their way. */
export class Together<Asked, Answer> {
  readonly #ways: Ways<Asked, Answer>;
  #waiting: Waiting<Asked, Answer>[] = [];
  #running = 0;

  constructor(ways: Ways<Asked, Answer>) {
    this.#ways = ways;
  }

  /** The answer to one question. @throws what it alone would throw. */
  ask(asked: Asked): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.push({ asked, answer });
    // Those of the same turn come along.
    queueMicrotask(() => this.#next());
    return answer.promise;
  }

  #next(): void {
    if (this.#running >= atOnce || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, mostInOne);
    this.#running += 1;
    void this.#run(batch).finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }

  async #run(batch: readonly Waiting<Asked, Answer>[]): Promise<void> {
    if (batch.length > 1 && (await this.#together(batch))) return;
    for (const { asked, answer } of batch) {
      try {
        answer.resolve(await this.#ways.one(asked));
      } catch (error) {
        answer.reject(error);
      }
    }
  }

  /** False when the statement was refused, perhaps for one of them: then each is asked for alone, and fails alone. */
  async #together(batch: readonly Waiting<Asked, Answer>[]): Promise<boolean> {
    try {
      const answers = await this.#ways.all(batch.map(({ asked }) => asked));
      for (const [index, { answer }] of batch.entries()) answer.resolve(answers[index] as Answer);
      return true;
    } catch (error) {
      if (!isServiceError(error, "DATABASE_UNAVAILABLE")) return false;
      // Asked one by one each would wait for the database in its turn.
      for (const { answer } of batch) answer.reject(error);
      return true;
    }
  }
}
