/** Random schema texts for the tables: every kind of column, key, reference, index and part, from one seed. */

/** Deterministic numbers in [0, 1). @source mulberry32 */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Draft {
  readonly name: string;
  readonly master?: Draft;
  readonly tier: string;
  /** Columns in the key, those of references included. */
  keyColumns: number;
  readonly lines: string[];
  readonly sets: string[];
}

const enums = [
  "enum Mood { CALM WILD }",
  'enum Outcome { HIT @value(name: "hit") MISS @value(name: "a miss") }',
  "enum Sex { M F U }",
];

const keyTypes = [
  "Int!",
  'Int! @column(type: "int16")',
  "BigInt!",
  'String! @column(type: "varchar(30)")',
  'String! @column(type: "char(5)")',
  "Date!",
  "Sex!",
  "Outcome!",
  'DateTime! @column(type: "datetime(3)")',
  "UUID!",
  'Decimal! @column(type: "decimal(8,2)")',
  "Boolean!",
];

/** Type with directives; `%` stands for `!` or nothing. Those with a default are never nullable, as the peer has it. */
const attributes = [
  "Int%",
  'Int% @column(type: "int8")',
  "BigInt%",
  "Float%",
  'Float% @column(type: "float32")',
  "String%",
  'String% @column(type: "varchar(7)")',
  'String% @column(type: "char(4)")',
  "Boolean%",
  "Date%",
  "DateTime%",
  'DateTime% @column(type: "datetime(3)")',
  'DateTime% @column(type: "datetime")',
  'Decimal% @column(type: "decimal(6,3)")',
  "UUID%",
  "Mood%",
  "Outcome%",
  "Sex%",
  'Int! @column(type: "int16", default: 7)',
  "Int! @column(default: -3)",
  'BigInt! @column(default: "9007199254740993")',
  "Float! @column(default: -1.5)",
  'Float! @column(type: "float32", default: 0.1)',
  'String! @column(default: "it\'s")',
  'String! @column(default: "")',
  "Boolean! @column(default: true)",
  'Sex! @column(default: "U")',
  'Outcome! @column(default: "MISS")',
  'Date! @column(default: "2020-02-29")',
  'DateTime! @column(type: "datetime(3)", default: "CURRENT_TIMESTAMP")',
  'Decimal! @column(type: "decimal(5,2)", default: "0.50")',
];

const opaque = [
  "JSON%",
  "Bytes%",
  "[Int!]%",
  'Blob% @codec(name: "blob")',
  'File% @codec(name: "attach")',
  'Blob% @codec(name: "blob", store: "default")',
  'NdArray% @codec(name: "npy", store: "cold")',
  'Tree% @codec(name: "object", store: "main")',
  'File% @codec(name: "hash", store: "default")',
  'FileRef% @codec(name: "filepath", store: "cold")',
  '[File!]! @codec(name: "attach", store: "default")',
];

const descriptions = [
  "",
  '"plain words"\n  ',
  '"with \\"quotes\\" and it\'s: colons"\n  ',
  '"""\n  two\n  lines\n  """\n  ',
];

/** A schema text in the PostgreSQL schema `name`. Two seeds share names of types and fields, so that one can become the other. */
export function randomSchema(seed: number, name: string): string {
  const next = numbers(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(list: readonly T[]): T => {
    const found = list[below(list.length)];
    if (found === undefined) throw new Error("an empty list");
    return found;
  };
  const drafts: Draft[] = [];
  const count = 1 + below(6);
  for (let at = 0; at < count; at++) drafts.push(draftOf(at));
  for (const draft of drafts) addReferences(draft);
  return [`extend schema @database(schema: "${name}")`, ...enums, ...drafts.map(text)].join("\n");

  function draftOf(at: number): Draft {
    const masters = drafts.filter((draft) => draft.master === undefined);
    const master = masters.length > 0 && next() < 0.25 ? pick(masters) : undefined;
    const tier = pick(["MANUAL", "LOOKUP", "IMPORTED", "COMPUTED"]);
    const draft: Draft = {
      name: `T${"ABCDEFGH"[at]}`,
      ...(master === undefined ? {} : { master }),
      tier,
      keyColumns: 0,
      lines: [],
      sets: [],
    };
    const parent = master ?? (drafts.length > 0 && next() < 0.4 ? pick(drafts) : undefined);
    if (parent !== undefined) {
      draft.lines.push(`parent${parent.name}: ${parent.name}! @key @reverse(name: "of${draft.name}")`);
      draft.keyColumns += parent.keyColumns;
    }
    const own = parent === undefined ? 1 + below(2) : below(2);
    for (let key = 0; key < own; key++)
      draft.lines.push(`${describe()}key${at}${"ab"[key]}: ${pick(keyTypes)} @key`);
    draft.keyColumns += own;
    addAttributes(draft);
    return draft;
  }

  function addAttributes(draft: Draft): void {
    const plain: string[] = [];
    for (const field of ["alpha", "betaTwo", "gamma", "delta4", "epsilon"]) {
      if (next() < 0.35) continue;
      const isPlain = next() < 0.65;
      if (isPlain) plain.push(field);
      const type = pick(isPlain ? attributes : opaque).replace("%", next() < 0.5 ? "!" : "");
      draft.lines.push(`${describe()}${field}: ${type}`);
    }
    if (plain.length > 0 && next() < 0.4) draft.sets.push(`@unique(fields: ["${pick(plain)}"])`);
    if (plain.length > 1 && next() < 0.4) draft.sets.push(`@unique(fields: ["${plain[1]}", "${plain[0]}"])`);
    if (plain.length > 1 && next() < 0.4) draft.sets.push(`@index(fields: ["${plain[0]}", "${plain[1]}"])`);
  }

  function addReferences(draft: Draft): void {
    for (const field of ["first", "second"]) {
      if (next() < 0.6) continue;
      const target = pick(drafts);
      const columns = Array.from({ length: target.keyColumns }, (_, at) => `"${field}_${at}"`);
      const unique = next() < 0.2 ? " @unique" : "";
      draft.lines.push(
        `${field}: ${target.name} @reference(columns: [${columns.join(", ")}]) @reverse(name: "${field}Of${draft.name}")${unique}`,
      );
    }
  }

  function describe(): string {
    return next() < 0.7 ? "" : pick(descriptions);
  }

  function text(draft: Draft): string {
    const table = draft.master === undefined ? `tier: ${draft.tier}` : `partOf: "${draft.master.name}"`;
    return `${describe()}type ${draft.name} @table(${table}) ${draft.sets.join(" ")} {\n  ${draft.lines.join("\n  ")}\n}`;
  }
}

/** The same schema with every type and field of its own under another name, each with `@renamedFrom`. */
export function renamedSchema(text: string): string {
  const fields = "alpha|betaTwo|gamma|delta4|epsilon|key\\d[ab]";
  return text
    .replaceAll(/\bT[A-H]\b/g, "$&New")
    .replaceAll(/^( *)type (T[A-H])New @table/gm, '$1type $2New @renamedFrom(name: "$2") @table')
    .replaceAll(new RegExp(`^(\\s*)(${fields}): (.*)$`, "gm"), '$1$2New: $3 @renamedFrom(name: "$2")')
    .replaceAll(new RegExp(`"(${fields})"`, "g"), (quoted, name: string, at: number, whole: string) =>
      whole.slice(0, at).endsWith("@renamedFrom(name: ") ? quoted : `"${name}New"`,
    );
}
