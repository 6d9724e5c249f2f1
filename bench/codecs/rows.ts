/** Rows with arrays through the API, as an app sends and fetches them: its own work on the values included. */

import type { Service } from "./service.ts";

export type Table = "Sample" | "Packed";

/** Rows that a request asks for. */
export interface Page {
  readonly table: Table;
  readonly first: number;
  readonly count: number;
  /** Numbers of each array. */
  readonly length: number;
}

function numbersOf({ first, count, length }: Page): Float64Array[] {
  return Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length }, (_unused, k) => Math.sin((first + i) * 7919 + k * 104_729) * 3),
  );
}

const base64 = (values: Float64Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");

/** Seconds to create the rows by one request. */
export async function insert(service: Service, page: Page): Promise<number> {
  const arrays = numbersOf(page);
  const begin = performance.now();
  const rows = arrays.map((values, i) => {
    const [dtype, shape] = ["float64", [page.length]];
    if (page.table === "Sample")
      return { sampleId: page.first + i, wave: { base64: { dtype, shape, data: base64(values) } } };
    return { packedId: page.first + i, value: { arrayBase64: { dtype, shape, data: base64(values) } } };
  });
  const { table } = page;
  const name = `create${table}s`;
  const answer = await service.ask<Record<string, { count: number }>>(
    `mutation ($rows: [Create${table}Input!]!) { ${name}(rows: $rows) { count } }`,
    { rows },
  );
  if (answer[name]?.count !== page.count) throw new Error(`${name} answered ${JSON.stringify(answer)}.`);
  return (performance.now() - begin) / 1000;
}

interface Answer {
  readonly wave?: { readonly base64?: string; readonly shape: readonly number[] };
  readonly value?: { readonly base64?: string; readonly shape: readonly number[] };
}

const selections = {
  Sample: { fetch: "wave { shape base64 }", metadata: "wave { dtype shape }" },
  Packed: { fetch: "value { shape base64 }", metadata: "value { kind sizeBytes }" },
};

/** Seconds to have the values of the rows as arrays of numbers, or only what the rows tell of them. */
export async function fetchRows(service: Service, page: Page, what: "fetch" | "metadata"): Promise<number> {
  const list = page.table === "Sample" ? "samples" : "packeds";
  const key = page.table === "Sample" ? "sampleId" : "packedId";
  const begin = performance.now();
  const answer = await service.ask<Record<string, { nodes: readonly Answer[] }>>(
    `query ($from: Int!, $to: Int!, $count: Int!) { ${list}(first: $count, where: {${key}: {gte: $from, lt: $to}}) { nodes { ${selections[page.table][what]} } } }`,
    { from: page.first, to: page.first + page.count, count: page.count },
  );
  const nodes = answer[list]?.nodes ?? [];
  const arrays = what === "metadata" ? [] : nodes.map(arrayOf);
  const took = (performance.now() - begin) / 1000;
  if (nodes.length !== page.count || arrays.some((array) => array.length !== page.length))
    throw new Error(`${list} answered ${nodes.length} rows.`);
  return took;
}

function arrayOf({ wave, value }: Answer): Float64Array {
  const bytes = Buffer.from((wave ?? value)?.base64 ?? "", "base64");
  return new Float64Array(new Uint8Array(bytes).buffer);
}
