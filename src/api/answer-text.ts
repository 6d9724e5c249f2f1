/** The text of an answer in which some values are JSON already, as worker threads have written them. */

import { randomUUID } from "node:crypto";
import { MovedJson } from "../codec/moved-json.ts";
import { putAt, type Slot, valueAt } from "./answer-slot.ts";

/** `JSON.stringify(data)`; what stands at one of `slots` as text goes in as it is. The slots are changed. */
export function answerText(data: unknown, slots: Iterable<Slot>): string {
  const texts: MovedJson[] = [];
  // Nothing that is stored can know it.
  const mark = randomUUID();
  for (const slot of slots) {
    const value = valueAt(slot);
    if (!(value instanceof MovedJson)) continue;
    putAt(slot, `${mark}${texts.length}`);
    texts.push(value);
  }
  const text = JSON.stringify(data);
  if (texts.length === 0) return text;
  const [first = "", ...rest] = text.split(`"${mark}`);
  return rest.reduce((whole, part) => {
    const end = part.indexOf('"');
    return `${whole}${texts[Number(part.slice(0, end))]?.text ?? "null"}${part.slice(end + 1)}`;
  }, first);
}
