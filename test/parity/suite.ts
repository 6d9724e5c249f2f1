/** Random models, random rows, random operations: each answered by the service and by the oracle, and compared. */

import fc from "fast-check";
import { Random } from "../property/random.ts";
import { randomSchema } from "../support/random-schema.ts";
import { difference } from "./compare.ts";
import { Difference } from "./difference.ts";
import { Inputs } from "./generate/inputs.ts";
import { Operations } from "./generate/operation.ts";
import { Pools } from "./generate/values.ts";
import type { Json } from "./json.ts";
import { answer, type Known, type Request } from "./oracle/answer.ts";
import { Meanings } from "./oracle/meanings.ts";
import { oracleSchema } from "./oracle/resolvers.ts";
import { Tables } from "./oracle/tables.ts";
import { disturb, fill } from "./rows.ts";
import { smaller } from "./shrink.ts";
import type { Tally } from "./tally.ts";
import type { Served, World } from "./world.ts";
import { type Write, Writes, writeDifference } from "./writes.ts";

/** How much is looked at. */
export interface Extent {
  readonly seed: number;
  readonly models: number;
  readonly operations: number;
}

/** Changes a request or its answer on the way, to see that it is noticed. */
export interface Spoil {
  readonly request?: (request: Request) => Request;
  readonly answer?: (answer: Json) => Json;
  /** Text of the answer to a query that is asked again as a known one. */
  readonly again?: (answer: string) => string;
}

/** Runs the suite. @throws Difference at the first difference, as small as it could be made. */
export async function compareAll(
  world: World,
  extent: Extent,
  watch: { readonly tally: Tally; readonly progress?: (done: number) => void },
): Promise<void> {
  const { seed, models, operations } = extent;
  for (let at = 0; at < models; at++) {
    const from = Math.floor((operations * at) / models);
    const to = Math.floor((operations * (at + 1)) / models);
    await compareModel(world, { seed: seed + at, operations: to - from }, { tally: watch.tally });
    watch.progress?.(to);
  }
}

/** Operations between changes of the rows. */
const disturbance = 35;

/** What one model's run tells, and what is done to it. */
export interface Watched {
  readonly tally: Tally;
  readonly spoil?: Spoil;
  /** Whether a difference is made smaller and told at length; default true. */
  readonly isReported?: boolean;
}

/** One model. */
export async function compareModel(
  world: World,
  { seed, operations }: { readonly seed: number; readonly operations: number },
  { tally, spoil = {}, isReported = true }: Watched,
): Promise<void> {
  const random = new Random(seed);
  const sdl = modelText(world, seed);
  const model = world.parse(sdl);
  const served = await world.serve(model);
  try {
    const contents = await fill(world, served, random);
    const meanings = new Meanings();
    const schema = oracleSchema(served.sdl, model);
    const readTables = async (): Promise<Known> => {
      const tables = await Tables.read(model, world.query);
      return { schema, tables, contents, meanings };
    };
    let known = await readTables();
    const skipped = tally.skipped;
    const inputs = new Inputs(schema, { random, skipped, pools: new Pools(known.tables, contents) });
    const generator = new Operations(inputs, meanings);
    const writes = new Writes(inputs, generator);
    tally.addModel();
    for (let at = 0; at < operations; at++) {
      if (at > 0 && at % disturbance === 0) {
        await disturb(world, served, random);
        known = await readTables();
        inputs.pools = new Pools(known.tables, contents);
      }
      const write = at % 5 === 4 ? writes.next(known) : undefined;
      if (write !== undefined) {
        known = await compareWrite({ served, known, write, readTables, tally, seed, at, sdl, spoil });
        inputs.pools = new Pools(known.tables, contents);
        continue;
      }
      const { request, features } = generator.next();
      const result = await compareOne(served, known, { request, spoil });
      if (result.wrong !== undefined && !isReported) throw new Difference({ difference: result.wrong });
      if (result.wrong !== undefined)
        throw await report(world, served, known, { seed, at, sdl, request, spoil });
      tally.add(result, features);
    }
  } finally {
    tally.addKnown(served.knownQueries());
    await served.stop();
  }
}

interface Writing {
  readonly served: Served;
  readonly known: Known;
  readonly write: Write;
  readonly readTables: () => Promise<Known>;
  readonly tally: Tally;
  readonly seed: number;
  readonly at: number;
  readonly sdl: string;
  readonly spoil: Spoil;
}

/** Does a write, and answers what is known of the tables then. */
async function compareWrite(writing: Writing): Promise<Known> {
  const { served, known, write, readTables, tally, seed, at, sdl, spoil } = writing;
  const answered = await served.ask(spoil.request?.(write.request) ?? write.request);
  const found = spoil.answer?.(answered) ?? answered;
  const after = await readTables();
  const wrong = writeDifference(write, found, { before: known, after });
  if (wrong !== undefined) {
    throw new Difference({
      difference: `${write.name}: ${wrong}`,
      seed: `${seed}, operation ${at}`,
      document: write.request.query,
      variables: JSON.stringify(write.request.variables),
      found: JSON.stringify(found).slice(0, 8000),
      rows: rowsText(known),
      model: sdl,
    });
  }
  tally.addWrite(write.name, "code" in write.wanted ? write.wanted.code : undefined);
  return after;
}

function rowsText({ tables }: Known): string {
  const rows = tables.model.entities.map(({ name }) => [name, tables.of(name).map(({ cells }) => cells)]);
  return JSON.stringify(Object.fromEntries(rows)).slice(0, 20_000);
}

const rare: readonly Readonly<Record<string, string>>[] = [
  // Null spreads from these.
  { UUID: "Float", Date: "Float!", Float: "Float!" },
  { UUID: "Float64", Date: "Float32", Float: "JSON" },
];

function modelText(world: World, seed: number): string {
  const schemas = randomSchema({
    codecs: world.codecs,
    stores: world.storeNames,
    schemas: ["first_lab", "second_lab"],
    maxEntities: 5,
  });
  // Samples are small more often than not; every other model is the largest of some.
  const texts = fc.sample(schemas, { seed, numRuns: seed % 2 === 0 ? 4 : 1 });
  const text = texts.reduce((long, one) => (one.length > long.length ? one : long), "");
  // Of many kinds of field some are rare: in two models of three they stand in the place of others.
  const instead = rare[seed % 3];
  const changed =
    instead === undefined
      ? text
      : text.replace(/: \[(UUID|Date|Float)!\](?= @|$)/gm, (_, element: string) => `: ${instead[element]}`);
  return seed % 2 === 0 ? withDocuments(changed) : withCodecs(changed, seed);
}

const codecFields = [
  'parityJsonHere: JsonDocument @codec(name: "json")',
  'parityZarr: Zarr @codec(name: "zarr", store: "cold")',
  'parityTextHere: TextFile @codec(name: "text")',
  'parityTable: TableFile @codec(name: "parquet", store: "main")',
  'parityJsonThere: JsonDocument @codec(name: "json", store: "main")',
  'parityTextThere: TextFile @codec(name: "text", store: "cold")',
  'parityTexts: [TextFile!]! @codec(name: "text")',
  'parityZarrs: [Zarr!]! @codec(name: "zarr", store: "main")',
  'parityJsons: [JsonDocument!]! @codec(name: "json", store: "cold")',
  'parityTables: [TableFile!]! @codec(name: "parquet", store: "cold")',
];

/** Every table with two fields of codecs, of which few are many by chance. */
function withCodecs(text: string, seed: number): string {
  const fields = [0, 1].map(
    (at) => `  ${codecFields[(Math.floor(seed / 2) * 2 + at) % codecFields.length]}\n`,
  );
  return text.replace(/^(.*\btype \w+ [^{\n]*@table\b.*\{)\n/gm, `$1\n${fields.join("")}`);
}

/** Every table with a column of JSON, and a list of numbers that are easily equal. */
function withDocuments(text: string): string {
  const fields = "  parityDocument: JSON\n  paritySingles: [Float32]\n";
  return text.replace(/^(.*\btype \w+ [^{\n]*@table\b.*\{)\n/gm, `$1\n${fields}`);
}

/** What came of one operation. */
export interface Compared {
  /** The difference; absent where there is none. */
  readonly wrong?: string;
  readonly found: Json;
  readonly wanted: ReturnType<typeof answer>["wanted"];
  readonly features: ReturnType<typeof answer>["features"];
}

async function compareOne(
  served: Served,
  known: Known,
  { request, spoil }: { readonly request: Request; readonly spoil: Spoil },
): Promise<Compared> {
  const { wanted, features } = answer(known, request);
  const answered = await served.ask(spoil.request?.(request) ?? request, spoil.again);
  const found = spoil.answer?.(answered) ?? answered;
  if (features.unsure !== undefined) return { found, wanted, features };
  const wrong = difference(found, wanted, known.meanings);
  return { found, wanted, features, ...(wrong === undefined ? {} : { wrong }) };
}

interface Failed {
  readonly seed: number;
  readonly at: number;
  readonly sdl: string;
  readonly request: Request;
  readonly spoil: Spoil;
}

async function report(world: World, served: Served, known: Known, failed: Failed): Promise<Difference> {
  const { spoil, seed, at, sdl } = failed;
  const request = await smaller(failed.request, async (one) => {
    const result = await compareOne(served, known, { request: one, spoil });
    return result.wrong !== undefined;
  });
  const { wrong = "", found, wanted } = await compareOne(served, known, { request, spoil });
  const hidden = world.logged.splice(0).map((one) => JSON.stringify(one, errorText));
  return new Difference({
    difference: wrong,
    seed: `${seed}, operation ${at}`,
    document: request.query,
    variables: JSON.stringify(request.variables),
    found: JSON.stringify(found).slice(0, 8000),
    wanted: JSON.stringify(wanted, setText).slice(0, 8000),
    log: hidden.slice(-1).join("\n").slice(0, 3000),
    model: sdl,
    rows: rowsText(known),
  });
}

function errorText(_: string, value: unknown): unknown {
  return value instanceof Error ? `${value.stack} ${String(value.cause)}` : value;
}

function setText(_: string, value: unknown): unknown {
  return value instanceof Set ? [...value] : value;
}
