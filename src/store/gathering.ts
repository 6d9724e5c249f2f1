/** What many ask for one by one, done for all of them at once. */

interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly answer: PromiseWithResolvers<Answer>;
}

export interface GatheringOptions<Asked, Answer> {
  /** Answers in their order. */
  readonly all: (asked: readonly Asked[]) => Promise<readonly (() => Answer)[]>;
  /** Most in one group. */
  readonly most: number;
  /** Groups under way; who comes meanwhile goes together into the next one. */
  readonly groups: number;
}

/** Collects what comes in one turn of the event loop, and while groups are under way. */
export class Gathering<Asked, Answer> {
  readonly #options: GatheringOptions<Asked, Answer>;
  #waiting: Waiting<Asked, Answer>[] = [];
  readonly #running = new Set<Promise<void>>();
  #isDue = false;

  constructor(options: GatheringOptions<Asked, Answer>) {
    this.#options = options;
  }

  /** Whether anything is under way or waits. */
  get isBusy(): boolean {
    return this.#running.size > 0 || this.#waiting.length > 0;
  }

  ask(asked: Asked): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.push({ asked, answer });
    this.#soon();
    return answer.promise;
  }

  /** Waits for the groups that are under way now, however they end. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  #soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      while (this.#running.size < this.#options.groups && this.#waiting.length > 0) this.#begin();
    });
  }

  #begin(): void {
    const group = this.#waiting.splice(0, this.#options.most);
    const running = this.#run(group).finally(() => {
      this.#running.delete(running);
      if (this.#waiting.length > 0) this.#soon();
    });
    this.#running.add(running);
  }

  async #run(group: readonly Waiting<Asked, Answer>[]): Promise<void> {
    try {
      const answers = await this.#options.all(group.map(({ asked }) => asked));
      for (const [index, { answer }] of group.entries()) settle(answer, answers[index]);
    } catch (error) {
      for (const { answer } of group) answer.reject(error);
    }
  }
}

function settle<Answer>(answer: PromiseWithResolvers<Answer>, tell: (() => Answer) | undefined): void {
  try {
    if (tell === undefined) throw new Error("A group gave fewer answers than it was asked for.");
    answer.resolve(tell());
  } catch (error) {
    answer.reject(error);
  }
}
