/** Bodies of GraphQL requests that no client means: JSON, documents and variables beside the rules. */

import type { Random } from "./random.ts";

const names = [
  "samples",
  "sample",
  "items",
  "nodes",
  "edges",
  "node",
  "label",
  "sampleId",
  "totalCount",
  "where",
  "first",
  "doc",
  "array",
  "__typename",
  "__schema",
  "__proto__",
  "constructor",
  "toString",
  "on",
  "é",
] as const;

const odd = [
  null,
  true,
  -0,
  0.5,
  2 ** 31,
  2 ** 53,
  -1,
  1e308,
  "",
  "\0",
  "\ud800",
  "\u2028",
  "😀",
  "x".repeat(3000),
  "9223372036854775808",
  "NaN",
  "2026-13-45",
  "0000-00-00T00:00:00Z",
  "Wy4uLl0=",
  "[]",
] as const;

const soup = [
  "{",
  "}",
  "(",
  ")",
  "[",
  "]",
  ":",
  "...",
  "!",
  "$a",
  "@include",
  "@skip(if: $a)",
  '"',
  '"""',
  "\\u{110000}",
  "\\ud800",
  "#",
  "fragment F on Sample",
  "query Q",
  "mutation",
  "subscription",
  "schema",
  "1e999",
  "-",
  "\ufeff",
  "\0",
  "&",
  "|",
] as const;

/** Any JSON, often with what a filter has. */
export function anyValue(random: Random, depth = 0): unknown {
  if (depth > 5 || random.chance(0.4)) return random.pick(odd);
  if (random.chance(0.3)) return random.some(4, () => anyValue(random, depth + 1));
  const keys = [...names, "and", "or", "not", "eq", "in", "isNull", "contains", "some", "path"] as const;
  const entries = random.some(4, () => [random.pick(keys), anyValue(random, depth + 1)] as const);
  return Object.fromEntries(entries);
}

/** Tokens in any order, some of them joined to what could be a document. */
export function anyDocument(random: Random): string {
  if (random.chance(0.3)) return random.some(30, () => random.pick([...soup, ...names])).join(" ");
  const set = (depth: number): string => {
    const items = random.some(4, () => {
      const name = random.pick(names);
      const given = random.chance(0.3) ? `(${random.pick(names)}: ${literal(random)})` : "";
      const inner = depth < 6 && random.chance(0.6) ? set(depth + 1) : "";
      const alias = random.chance(0.2) ? `${random.pick(names)}: ` : "";
      return `${alias}${name}${given} ${inner}`;
    });
    return `{ ${items.join(" ")} }`;
  };
  const text = `${random.pick(["", "query ", "mutation ", "query Q($a: Int) "])}${set(0)}`;
  return random.chance(0.4) ? mutated(random, text) : text;
}

function literal(random: Random): string {
  const value = anyValue(random, 3);
  return JSON.stringify(value).replace(/"([A-Za-z]+)":/g, "$1: ");
}

/** The text with some characters dropped, doubled or replaced. */
export function mutated(random: Random, text: string): string {
  let left = text;
  for (let n = random.below(4) + 1; n > 0; n--) {
    const at = random.below(left.length + 1);
    const put = random.pick(["", " ", ...soup]);
    left = left.slice(0, at) + put + left.slice(at + random.below(4));
  }
  return left;
}

const repeat = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join(" ");

/** Small documents that could be costly: each names what it costs a server without limits. */
export const costly: Readonly<Record<string, string>> = {
  "nesting for the parser's stack": `${"{ a ".repeat(9000)}${"}".repeat(9000)}`,
  "nested lists": `{ samples(where: {label: {in: ${"[".repeat(20_000)}${"]".repeat(20_000)}}}) { totalCount } }`,
  "nested objects": `{ samples(where: ${"{not: ".repeat(9000)}{}${"}".repeat(9000)}) { totalCount } }`,
  "not in not": `{ samples(where: ${"{not: ".repeat(90)}{}${"}".repeat(90)}) { totalCount } }`,
  "one field often": `{ ${"__typename ".repeat(15_000)} }`,
  "one field often, in fragments": `{ ${repeat(150, (n) => `...f${n}`)} } ${repeat(150, (n) => `fragment f${n} on Query { ${"a: __typename ".repeat(100)} }`)}`,
  "one path often": `{ ${repeat(2000, () => "samples { nodes { label } }")} }`,
  "many aliases": `{ ${repeat(4000, (n) => `a${n}: __typename`)} }`,
  "many lists": `{ ${repeat(190, (n) => `a${n}: samples(first: 1) { nodes { label } totalCount }`)} }`,
  "fragments that double": `{ samples { nodes { ...f0 } } } ${repeat(60, (n) => `fragment f${n} on Sample { a: species { samples { nodes { ...f${n + 1} } } } b: species { samples { nodes { ...f${n + 1} } } } }`)} fragment f60 on Sample { label }`,
  "fragments in a circle": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
  "many fragments": `{ ${repeat(2000, (n) => `...f${n}`)} } ${repeat(2000, (n) => `fragment f${n} on Query { __typename }`)}`,
  "many operations": repeat(5000, (n) => `query q${n} { __typename }`),
  "many unknown fields": `{ samples { nodes { ${repeat(5000, (n) => `lable${n}`)} } } }`,
  "many unknown types": repeat(190, (n) => `query q${n}($a: Smaple${n}Filter) { __typename }`),
  "many variables": `query(${repeat(4000, (n) => `$v${n}: Int`)}) { __typename }`,
  "many directives": `{ __typename ${"@include(if: true) ".repeat(3000)} }`,
  "many arguments": `{ samples(${repeat(6000, (n) => `a${n}: 1`)}) { totalCount } }`,
  "many alternatives": `{ samples(where: {or: [${'{label: {contains: "%"}} '.repeat(300)}]}) { totalCount } }`,
  "a long string": `{ samples(where: {label: {eq: "${"x".repeat(190_000)}"}}) { totalCount } }`,
  "a string without end": `{ samples(where: {label: {eq: "${"\\\\".repeat(90_000)}`,
  "a block string without end": `{ a(b: """${'\\""" " "" '.repeat(15_000)}`,
  blanks: `{${" ,\n".repeat(60_000)}__typename}`,
  comments: `{${"#{\n".repeat(60_000)}__typename}`,
  digits: `{ samples(first: ${"9".repeat(150_000)}) { totalCount } }`,
  "introspection in depth": `{ __schema { types { ${"fields { type { ".repeat(12)} name ${"} }".repeat(12)} } } }`,
  "introspection as deep as it may be": `{ __schema { types { fields { type { fields { type { name } } } } } } }`,
  "introspection of one list often": `{ __schema { types { ${repeat(900, (n) => `a${n}: fields { name }`)} } } }`,
  "introspection in breadth": `{ ${repeat(190, (n) => `a${n}: __schema { types { fields { args { type { ofType { name } } } } } }`)} }`,
  patterns: `{ samples(where: {label: {like: "${"%_".repeat(3000)}"}}) { totalCount } }`,
};

/** Variables beside their types, small and costly. */
export const costlyVariables: Readonly<Record<string, string>> = {
  "nested filters": `{"where": ${'{"not": '.repeat(30_000)}{}${"}".repeat(30_000)}}`,
  "nested lists of filters": `{"where": ${'{"or": ['.repeat(10_000)}${"]}".repeat(10_000)}}`,
  "many filters": `{"where": {"or": [${Array(20_000).fill('{"label": {"eq": "a"}}').join(",")}]}}`,
  "many wrong filters": `{"where": {"or": [${Array(20_000).fill('{"lable": 1}').join(",")}]}}`,
  "many values": `{"where": {"sampleId": {"in": [${Array(100_000).fill("1").join(",")}]}}}`,
  "many wrong values": `{"where": {"sampleId": {"in": [${Array(100_000).fill('"a"').join(",")}]}}}`,
  "nested JSON": `{"where": {"doc": {"eq": ${"[".repeat(30_000)}${"]".repeat(30_000)}}}}`,
  "a long JSON path": `{"where": {"doc": {"path": {"path": [${Array(20_000).fill('"a"').join(",")}], "eq": 1}}}}`,
  "unknown variables": `{${Array.from({ length: 20_000 }, (_, n) => `"v${n}": 1`).join(",")}}`,
  "a number of many digits": `{"where": {"big": {"eq": ${"9".repeat(100_000)}}}}`,
  "a decimal of many digits": `{"where": {"price": {"eq": "${"9".repeat(100_000)}"}}}`,
  "a pattern": `{"where": {"label": {"like": "${"%a".repeat(20_000)}"}}}`,
  "an expression": `{"where": {"label": {"regex": "${"(a+)+".repeat(2000)}$"}}}`,
};

const half = 2 ** 19;
const filling = (text: string) => text.repeat(Math.floor(half / text.length));
const numbered = (text: (n: number) => string) => {
  const parts: string[] = [];
  for (let length = 0; length < half; length += (parts.at(-1)?.length ?? 0) + 1)
    parts.push(text(parts.length));
  return parts.join(",");
};

/** Bodies of half a megabyte, JSON or nearly so. */
export const costlyBodies: Readonly<Record<string, string>> = {
  "open brackets": filling("["),
  "nested brackets": `${"[".repeat(half / 2)}${"]".repeat(half / 2)}`,
  "open objects": filling('{"a":'),
  "nested objects": `{"query": ${'{"a":'.repeat(half / 6)}1${"}".repeat(half / 6)}}`,
  "nested extensions": `{"query": "{ __typename }", "extensions": ${'{"a":'.repeat(half / 6)}1${"}".repeat(half / 6)}}`,
  "nested variables": `{"query": "query($a: Int) { __typename }", "variables": {"a": ${'{"a":'.repeat(half / 6)}1${"}".repeat(half / 6)}}}`,
  keys: `{${numbered((n) => `"k${n}":1`)}}`,
  "keys beside a query": `{"query": "{ __typename }", ${numbered((n) => `"k${n}":1`)}}`,
  "keys of extensions": `{"query": "{ __typename }", "extensions": {${numbered((n) => `"k${n}":1`)}}}`,
  "keys of variables": `{"query": "{ __typename }", "variables": {${numbered((n) => `"k${n}":1`)}}}`,
  "keys with __proto__ behind them": `{${numbered((n) => `"k${n}":1`)}, "a": {"__proto__": 1}}`,
  "nested __proto__": `${'{"__proto__":'.repeat(half / 15)}1${"}".repeat(half / 15)}`,
  constructors: `{${numbered((n) => `"constructor":{"a${n}":1}`)}}`,
  "a name like __proto__ in a text": `{"query": "\\"__proto__\\":", "variables": {${numbered((n) => `"k${n}":1`)}}}`,
  "a list of requests": `[${numbered(() => '{"query": "{ __typename }"}')}]`,
  "empty lists": `[${numbered(() => "[]")}]`,
  "empty objects": `{"variables": [${numbered(() => "{}")}]}`,
  "a long text without end": `{"query": "${"x".repeat(half)}`,
  "a long text beyond ASCII without end": `{"query": "${"é".repeat(half / 2)}`,
  "broken lines": `{${filling("\n")}x`,
  "an error at the end": `[${numbered(() => "1")},x]`,
  escapes: `{"query": "${filling("\\u0041")}"}`,
  "a long unknown operation": `{"query": "{ __typename }", "operationName": "${"x".repeat(half)}"}`,
  "a long unknown variable type": `{"query": "query($first: Int) { samples(first: $first) { totalCount } }", "variables": {"first": "${"x".repeat(half)}"}}`,
  "a list for a number": `{"query": "query($first: Int) { samples(first: $first) { totalCount } }", "variables": {"first": [${numbered(() => "1")}]}}`,
  "keys for a number": `{"query": "query($first: Int) { samples(first: $first) { totalCount } }", "variables": {"first": {${numbered((n) => `"k${n}":1`)}}}}`,
  "unknown fields of an input": `{"query": "mutation($a: CreateSampleInput!) { createSample(input: $a) { sample { label } } }", "variables": {"a": {${numbered((n) => `"k${n}":1`)}}}}`,
  "many wrong rows": `{"query": "mutation($a: [CreateSampleInput!]!) { createSamples(rows: $a) { count } }", "variables": {"a": [${numbered(() => '{"label":1}')}]}}`,
  "many rows without what they need": `{"query": "mutation($a: [CreateSampleInput!]!) { createSamples(rows: $a) { count } }", "variables": {"a": [${numbered(() => "{}")}]}}`,
};
