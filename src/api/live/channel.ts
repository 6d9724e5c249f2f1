/** Items on their way to one consumer: a bounded queue, so that who reads slowly costs no memory. */

/** How much may wait. */
export interface ChannelLimits {
  readonly items: number;
  /** Sum of the sizes that are given with the items. */
  readonly size: number;
}

interface Waiting<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}

/** A queue with one producer and one consumer. The consumer's `return()` ends it at once, also while it waits for an item. */
export class Channel<T> implements AsyncIterableIterator<T> {
  readonly #limits: ChannelLimits;
  readonly #onEnd: () => void;
  readonly #items: { readonly item: T; readonly size: number }[] = [];
  #size = 0;
  #waiting: Waiting<T> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #ended: { readonly error?: unknown } | undefined;

  constructor(limits: ChannelLimits, onEnd: () => void) {
    this.#limits = limits;
    this.#onEnd = onEnd;
  }

  /** Puts an item in; false where there is no room for it, and where nobody will take it. */
  push(item: T, size: number): boolean {
    if (this.#ended !== undefined) return false;
    if (this.#waiting !== undefined) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ done: false, value: item });
      return true;
    }
    const fits = this.#items.length < this.#limits.items && this.#size + size <= this.#limits.size;
    if (!fits && this.#items.length > 0) return false;
    this.#items.push({ item, size });
    this.#size += size;
    return true;
  }

  /** Waits until everything in it is taken, or nobody will. */
  async drained(): Promise<void> {
    if (this.#items.length === 0 || this.#ended !== undefined) return;
    this.#room ??= Promise.withResolvers<void>();
    await this.#room.promise;
  }

  /** Lets the consumer have what is in it, and then an end, or the error. */
  end(error?: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = error === undefined ? {} : { error };
    this.#room?.resolve();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error === undefined) waiting?.resolve({ done: true, value: undefined });
    else waiting?.reject(error);
    if (waiting !== undefined && error !== undefined) this.#ended = {};
    this.#onEnd();
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  async next(): Promise<IteratorResult<T>> {
    const first = this.#items.shift();
    if (first !== undefined) {
      this.#size -= first.size;
      if (this.#items.length === 0) {
        this.#room?.resolve();
        this.#room = undefined;
      }
      return { done: false, value: first.item };
    }
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      this.#ended = {};
      if (error !== undefined) throw error;
      return { done: true, value: undefined };
    }
    return await new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.end();
    return { done: true, value: undefined };
  }

  async throw(): Promise<IteratorResult<T>> {
    return await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
