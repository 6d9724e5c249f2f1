import fc from "fast-check";
import { expect, test } from "vitest";
import { putAt, type Slot, slotIn } from "../../src/api/answer-slot.ts";
import { answerText } from "../../src/api/answer-text.ts";
import { MovedJson } from "../../src/codec/moved-json.ts";

const moved = (value: unknown) => new MovedJson(new TextEncoder().encode(JSON.stringify(value)));
const place = { nullable: true, parent: undefined };

test("text that is written already goes in as it is, beside anything else", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ value: fc.jsonValue(), isMoved: fc.boolean() })), (parts) => {
      const data = { list: parts.map(({ value, isMoved }) => ({ value: isMoved ? moved(value) : value })) };
      const slots = data.list.map((one): Slot => slotIn(one, "value", place));
      expect(answerText(data, slots)).toBe(JSON.stringify({ list: parts.map(({ value }) => ({ value })) }));
    }),
  );
});

test("a value whose place became null is left out, and an answer without such values is plain JSON", () => {
  const inner = { a: moved([1, "é"]) };
  const data: Record<string, unknown> = { lost: inner, kept: moved(['"', 2]) };
  const slots = [slotIn(inner, "a", place), slotIn(data, "kept", place)];
  putAt(slotIn(data, "lost", place), null);
  expect(answerText(data, slots)).toBe('{"lost":null,"kept":["\\"",2]}');
  expect(answerText({ a: [1] }, [])).toBe('{"a":[1]}');
});
