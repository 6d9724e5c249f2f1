/** Deliberate faults: each must be noticed, else a run without differences says nothing. */

import { afterAll, expect, test } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { Difference } from "./difference.ts";
import { type Json, NumberText } from "./json.ts";
import { compareModel, type Spoil } from "./suite.ts";
import { Tally } from "./tally.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(await freshDatabase());
afterAll(() => world.close());

type Change = (value: Json, key: string) => Json;

/** Changes each part of an answer's data, the innermost first. */
function changed(value: Json, change: Change, key = ""): Json {
  if (value === null || typeof value !== "object" || value instanceof NumberText) return change(value, key);
  if (Array.isArray(value))
    return change(
      value.map((item: Json) => changed(item, change)),
      key,
    );
  const entries = Object.entries(value).map(([name, inner]) => [name, changed(inner, change, name)] as const);
  return change(Object.fromEntries(entries), key);
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof NumberText);

const ofData = (change: Change): Spoil => ({
  answer: (answer) => {
    if (!isObject(answer) || answer["data"] === undefined) return answer;
    return { ...answer, data: changed(answer["data"], change) };
  },
});

const inDocument = (pattern: RegExp, instead: string): Spoil => ({
  request: ({ query, variables }) => ({ query: query.replace(pattern, instead), variables }),
});

const withVariable = (name: string, value: unknown): Spoil => ({
  request: ({ query, variables }) =>
    query.startsWith("mutation") && name in variables
      ? { query, variables: { ...variables, [name]: value } }
      : { query, variables },
});

const faults: Readonly<Record<string, Spoil>> = {
  "one row less": ofData((value) => (Array.isArray(value) && value.length > 2 ? value.slice(1) : value)),
  "rows in another order": ofData((value) =>
    Array.isArray(value) && value.length > 1 ? [...value].reverse() : value,
  ),
  "keys in another order": ofData((value) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).reverse()) : value,
  ),
  "a wrong null": ofData((value) => (typeof value === "boolean" ? null : value)),
  "a null that is missing": ofData((value) => (value === null ? "" : value)),
  "a number that is one off": ofData((value) =>
    value instanceof NumberText && /^\d+$/.test(value.text)
      ? new NumberText(String(Number(value.text) + 1))
      : value,
  ),
  "text with a blank more": ofData((value) =>
    typeof value === "string" && value.length === 1 ? `${value} ` : value,
  ),
  "another truth": ofData((value, key) => (key === "hasNextPage" ? value !== true : value)),
  "a cursor of another row": ofData((value, key) => (key === "endCursor" ? "WyJ4Il0=" : value)),
  "an error that is not told": {
    answer: (answer) => {
      if (!isObject(answer) || answer["data"] === undefined) return answer;
      return { data: answer["data"] };
    },
  },
  "another code": {
    answer: (answer) => changed(answer, (value) => (value === "LIMIT_EXCEEDED" ? "BAD_USER_INPUT" : value)),
  },
  "another message": {
    answer: (answer) =>
      changed(answer, (value, key) =>
        key === "message" ? String(value).replace("Variable", "The variable") : value,
      ),
  },
  "one order term turned round": inDocument(/(\{\w+: )ASC\b/, "$1DESC"),
  "nulls on the other side": inDocument(/NULLS_FIRST/, "NULLS_LAST"),
  "an operator that takes its bound": inDocument(/\b(l|g)t: /g, "$1te: "),
  "no complement": inDocument(/\bnotIn: /g, "in: "),
  "one row more on a page": inDocument(/first: [123]\b/, "first: 4"),
  "a dry run that writes": withVariable("dryRun", false),
  "rows beyond atMost": withVariable("atMost", 1000),
  "some element for every element": inDocument(/\bhasEvery: /g, "hasSome: "),
  "another length of a list": inDocument(/\blength: \{(eq|lte?|gte?): /g, "length: {neq: "),
  "what is there for what is not": inDocument(/\bexists: true/g, "exists: false"),
  "a part for the whole": inDocument(/\bcontainedBy: /g, "contains: "),
  // Few conditions are so near to what a document holds that a longer path is noticed.
  "a path that ends too early": {
    request: ({ query, variables }) => ({
      query: query.replaceAll(/\bpath: \["[^\]]*\]/g, "path: []"),
      variables: JSON.parse(JSON.stringify(variables).replaceAll(/"path":\["[^\]]*\]/g, '"path":[]')),
    }),
  },
  "an order by codec values turned round": inDocument(
    /(\{\w+: \{(?:sizeBytes|dtype|kind|name|digest|path): )ASC/,
    "$1DESC",
  ),
  "an instant in another form": ofData((value, key) =>
    key === "modifiedAt" && typeof value === "string" ? value.replace("Z", "0Z") : value,
  ),
  "a known query that is answered otherwise": { again: (answer) => answer.replace("true", "false") },
  "another measure": inDocument(/\bmin \{/g, "min: max {"),
};

test.each(Object.entries(faults))(
  "%s is noticed",
  async (_, spoil) => {
    const tally = new Tally();
    const wrong = await firstDifference(spoil, tally);
    expect(wrong).toBeInstanceOf(Difference);
  },
  60_000,
);

/** Models of several tables; in some of them rows hold what Float cannot carry. */
const seeds = [18, 12, 10, 20, 8, 22, 26, 4];

async function firstDifference(spoil: Spoil, tally: Tally): Promise<unknown> {
  for (const seed of seeds) {
    try {
      await compareModel(world, { seed, operations: 150 }, { tally, spoil, isReported: false });
    } catch (error) {
      return error;
    }
  }
  return undefined;
}
