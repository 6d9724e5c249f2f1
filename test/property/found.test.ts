/** Faults that random models have found, each as small as it can be told. */

import { expect, test } from "vitest";
import { openLaboratory } from "../api/laboratory.ts";

const lab = await openLaboratory(`
type Thing @table {
  code: String! @key @column(type: "char(4)")
  tag: String @column(type: "char(3)") @unique
  weight: Float
  single: Float32
  note: File @codec(name: "attach")
}
`);

await lab.data("mutation ($rows: [CreateThingInput!]!) { createThings(rows: $rows) { count } }", {
  rows: [
    { code: "ab", tag: "x", weight: -0, single: -0, note: { text: { name: "a.txt", content: "" } } },
    { code: "b", tag: " y", weight: 0, single: 0 },
  ],
});

test("a row is found by texts of char(n) as they are answered, with their blanks, and without", async () => {
  for (const code of ["ab  ", "ab"]) {
    expect(await lab.data("query ($code: String!) { thing(code: $code) { code } }", { code })).toEqual({
      thing: { code: "ab  " },
    });
  }
  for (const tag of [" y ", " y"]) {
    const answer = await lab.data(
      `query ($tag: String!) {
        thingByTag(tag: $tag) { tag }
        equal: things(where: { tag: { eq: $tag } }) { nodes { tag } }
        listed: things(where: { tag: { in: [$tag] } }) { nodes { tag } }
        other: things(where: { tag: { neq: $tag } }) { nodes { tag } }
      }`,
      { tag },
    );
    expect(answer).toEqual({
      thingByTag: { tag: " y " },
      equal: { nodes: [{ tag: " y " }] },
      listed: { nodes: [{ tag: " y " }] },
      other: { nodes: [{ tag: "x  " }] },
    });
  }
});

test("blanks count in what a text is searched for", async () => {
  const answer = await lab.data(
    '{ begins: things(where: { tag: { startsWith: " " } }) { nodes { code } } holds: things(where: { tag: { like: " %" } }) { nodes { code } } }',
  );
  expect(answer).toEqual({ begins: { nodes: [{ code: "b   " }] }, holds: { nodes: [{ code: "b   " }] } });
});

test("pages over char(n) go on where they stopped", async () => {
  const page = (after: string | null) =>
    lab.data(
      "query ($after: String) { things(first: 1, after: $after) { nodes { code } pageInfo { endCursor hasNextPage } } }",
      { after },
    );
  const { things: first } = await page(null);
  const { things: second } = await page(first.pageInfo.endCursor);
  expect([first.nodes, second.nodes, second.pageInfo.hasNextPage]).toEqual([
    [{ code: "ab  " }],
    [{ code: "b   " }],
    false,
  ]);
});

test("zero keeps its sign, beside fields that the service completes too", async () => {
  for (const fields of ["weight single", "weight single note { text url }"]) {
    const { thing } = await lab.data(`{ thing(code: "ab") { ${fields} } }`);
    expect([Object.is(thing.weight, -0), Object.is(thing.single, -0)]).toEqual([true, true]);
  }
});
