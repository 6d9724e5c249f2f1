/** Event streams read by hand, so that a test decides when a client reads. */

import type { Answer, Place } from "./laboratory.ts";

/** An event stream. */
export interface Events {
  /** Resolves with the response's head. */
  readonly begun: Promise<Response>;
  readonly got: Answer[];
  /** The ids of the events, where they have one. */
  readonly ids: string[];
  /** Resolves when `count` results are there. @throws when it ends before. */
  until(count: number): Promise<Answer[]>;
  /** Resolves when the stream has ended; true where it was completed, false where it was cut. */
  readonly ended: Promise<boolean>;
  stop(): void;
}

/** Opens an event stream; nothing of its body is read before `before`. */
export function events(
  place: { readonly service: Pick<Place["service"], "url"> },
  body: object,
  {
    before = Promise.resolve(),
    headers = {},
    path = "/graphql",
  }: {
    readonly before?: Promise<void>;
    readonly headers?: Record<string, string>;
    readonly path?: string;
  } = {},
): Events {
  const controller = new AbortController();
  const begun = fetch(`${place.service.url}${path}`, {
    method: "POST",
    headers: { accept: "text/event-stream", "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: controller.signal,
  });
  const got: Answer[] = [];
  const ids: string[] = [];
  const waiting = new Set<() => void>();
  let isDone = false;
  const read = async (): Promise<boolean> => {
    const response = await begun;
    await before;
    let text = "";
    let isComplete = false;
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string) =>
          block
            .split("\n")
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2);
        const id = field("id");
        if (id !== undefined) ids.push(id);
        if (field("event") === "next") got.push(JSON.parse(field("data") ?? "null"));
        if (field("event") === "complete") isComplete = true;
      }
      for (const check of waiting) check();
    }
    return isComplete;
  };
  const ended = read()
    .catch(() => false)
    .finally(() => {
      isDone = true;
      for (const check of waiting) check();
    });
  return {
    begun,
    got,
    ids,
    ended,
    stop: () => controller.abort(),
    until: async (count) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const check = (): void => {
        if (got.length >= count) resolve();
        else if (isDone) reject(new Error(`It ended with ${got.length} of ${count}.`));
      };
      waiting.add(check);
      check();
      await promise;
      waiting.delete(check);
      return got;
    },
  };
}
