/** A JSON document with one long list, written as it comes: what is in it need not fit into memory. */

/** Writes `{"<list>": […], …rest}`. */
export class ListDocument {
  readonly #stream: NodeJS.WriteStream;
  readonly #list: string;
  #count = 0;

  constructor(stream: NodeJS.WriteStream, list: string) {
    this.#stream = stream;
    this.#list = list;
  }

  async add(items: readonly object[]): Promise<void> {
    if (items.length === 0) return;
    const begin = this.#count === 0 ? `{${JSON.stringify(this.#list)}:[` : ",";
    this.#count += items.length;
    await written(this.#stream, begin + items.map((item) => JSON.stringify(item)).join(","));
  }

  async end(rest: object): Promise<void> {
    const begin = this.#count === 0 ? `{${JSON.stringify(this.#list)}:[` : "";
    const more = JSON.stringify(rest).slice(1);
    await written(this.#stream, `${begin}]${more === "}" ? "" : ","}${more}\n`);
  }
}

/** Resolves when the reader has it, or has gone: that is no failure of ours. */
export async function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve) => stream.write(text, () => resolve()));
}
