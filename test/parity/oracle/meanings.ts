/** Opaque texts: what the oracle answers in their place, and which text of the service stands for which meaning. */

import type { Place } from "./order.ts";
import type { Cursors } from "./page.ts";

/** No text of a row begins so: PostgreSQL's text has no NUL. */
const mark = "\0";

/** The oracle's answer where the service answers a text of its own. */
export function opaque(kind: "id" | "cursor" | "url" | "position" | "instant", meaning: string): string {
  return `${mark}${kind}:${meaning}`;
}

/** What an answer of {@link opaque} says. */
export function opaqueParts(text: string): { readonly kind: string; readonly meaning: string } | undefined {
  const [, kind, meaning] = /^\0(\w+):([\s\S]*)$/.exec(text) ?? [];
  return kind === undefined || meaning === undefined ? undefined : { kind, meaning };
}

/** As DateTime is answered: no zeros at the end of the fraction. */
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z$/;

/** Whether a text tells where the changes stand. What it says moves with every transaction, of whomever. */
export function isPosition(text: string): boolean {
  return /^\["\d+:\d+:[\d,]*"\]$/.test(Buffer.from(text, "base64").toString("utf8"));
}

/** The texts of one served model. One text has one meaning, and one row one id. */
export class Meanings implements Cursors {
  readonly #ids = new Map<string, string>();
  readonly #texts = new Map<string, string>();
  readonly #cursors = new Map<string, string>();
  readonly #orders = new Map<string, unknown>();
  readonly #places = new Map<string, { readonly order: string; readonly place: Place }>();

  give({ order, place, identity }: { order: string; place: Place; identity: string }): string {
    // A changed row has another place in the same order.
    const values = JSON.stringify(place, (_, value: unknown) =>
      typeof value === "bigint" || typeof value === "number" ? String(value) : value,
    );
    const meaning = `${order} ${identity} ${values}`;
    this.#places.set(meaning, { order, place });
    return opaque("cursor", meaning);
  }

  find(text: string): { readonly order: string; readonly place: Place } | undefined {
    return this.#places.get(this.#cursors.get(text) ?? "");
  }

  /** The type and the key that an id of the service stands for. */
  row(id: string): string | undefined {
    return this.#ids.get(id);
  }

  /** Notes that a text stands for a meaning; says what is wrong where it stands for another. */
  learn(
    text: string,
    { kind, meaning }: { readonly kind: string; readonly meaning: string },
  ): string | undefined {
    if (kind === "url")
      return /^http:\/\/[^/]+\/d\/[^/]+\/./.test(text) ? undefined : `${text} is no URL of data`;
    if (kind === "instant") return instant.test(text) ? undefined : `${text} is no instant`;
    if (kind === "position") return isPosition(text) ? undefined : `${text} is no position in the changes`;
    const known = kind === "id" ? this.#ids : this.#cursors;
    const before = known.get(text);
    if (before !== undefined && before !== meaning) return `${text} stood for ${before}, now for ${meaning}`;
    if (kind === "id") {
      const other = this.#texts.get(meaning);
      if (other !== undefined && other !== text) return `${meaning} had the id ${other}, now ${text}`;
      this.#texts.set(meaning, text);
    }
    known.set(text, meaning);
    return undefined;
  }

  /** All ids that are known. */
  get ids(): readonly string[] {
    return [...this.#ids.keys()];
  }

  /** Notes with which `orderBy` an order is asked for. */
  note(order: string, orderBy: unknown): void {
    this.#orders.set(order, orderBy ?? undefined);
  }

  /** The cursors of an entity's lists that are known, each with the `orderBy` that it belongs to. */
  cursorsOf(
    entity: string,
  ): readonly { readonly text: string; readonly order: string; readonly orderBy: unknown }[] {
    return [...this.#cursors].flatMap(([text, meaning]) => {
      const { order = "" } = this.#places.get(meaning) ?? {};
      return order.startsWith(`${entity} `) ? [{ text, order, orderBy: this.#orders.get(order) }] : [];
    });
  }
}
