/** Seeds → SDL. Whatever the seeds say, the text is valid: names are kept apart, columns counted, circles left open. */

import { camelCase, lowerFirst, snakeCase } from "../../src/model/naming.ts";
import { fieldWords, kindsWith, type ScalarKind } from "./random-field.ts";
import type { CodecSeed, EntitySeed, FieldSeed, RandomSchemaOptions, ReferenceSeed } from "./schema-seed.ts";

interface KeyColumn {
  readonly name: string;
  /** The attribute it comes from, so that equal origins have equal types. */
  readonly origin: string;
}

/** An entity as written so far. */
interface Written {
  readonly name: string;
  readonly schema: string;
  readonly isPart: boolean;
  readonly key: KeyColumn[];
}

/** The text of one entity in the making. */
interface Draft extends Written {
  readonly seed: EntitySeed;
  readonly master: Written | undefined;
  /** Every column so far, with its origin for those of references. */
  readonly columns: Map<string, string | undefined>;
  readonly targets: Set<string>;
  readonly lines: string[];
  readonly comparable: string[];
  dateTime: string | undefined;
}

const maxKeyColumns = 6;

/** Writes one schema. */
export class SchemaWriter {
  readonly #options: RandomSchemaOptions;
  readonly #names: readonly string[];
  readonly #enums: readonly {
    readonly name: string;
    readonly values: readonly string[];
    readonly sdl: string;
  }[];
  readonly #kinds: readonly ScalarKind[];
  readonly #written: Written[] = [];

  constructor(
    options: RandomSchemaOptions,
    pool: { readonly names: readonly string[]; readonly enums: readonly (readonly boolean[])[] },
  ) {
    this.#options = options;
    this.#names = pool.names;
    this.#enums = pool.enums.map(writeEnum);
    this.#kinds = kindsWith(this.#enums);
  }

  write(seeds: readonly EntitySeed[]): string {
    const [schema = "lab"] = this.#options.schemas ?? [];
    const drafts = seeds.map((seed, at) => this.#draft(seed, at));
    for (const [at, draft] of drafts.entries()) this.#writeForward(draft, drafts.slice(at + 1));
    const head = `extend schema @database(schema: ${JSON.stringify(schema)})\n`;
    return [head, ...drafts.map((draft) => this.#text(draft)), ...this.#enums.map((each) => each.sdl)].join(
      "\n",
    );
  }

  #draft(seed: EntitySeed, at: number): Draft {
    const schemas = this.#options.schemas ?? ["lab"];
    const masters = this.#written.filter((each) => !each.isPart);
    const master = seed.partOf === undefined ? undefined : pick(masters, seed.partOf);
    const word = this.#names[at] ?? `Table${at}`;
    const draft: Draft = {
      name: master === undefined ? word : seed.namesTable ? `${master.name}Unit${at}` : `Part${at}`,
      schema: master?.schema ?? pick(schemas, seed.otherSchema) ?? "lab",
      isPart: master !== undefined,
      key: [],
      seed,
      master,
      columns: new Map(),
      targets: new Set(),
      lines: [],
      comparable: [],
      dateTime: undefined,
    };
    if (master !== undefined) this.#addReference(draft, master, masterReference);
    this.#addKeys(draft);
    const references = seed.references.map((each) => [each, pick(this.#written, each.to)] as const);
    for (const [each, target] of references)
      if (target !== undefined) this.#addReference(draft, target, each);
    for (const [index, field] of seed.fields.entries())
      this.#addField(draft, field, fieldWords[index] ?? "more");
    for (const [index, codec] of seed.codecs.entries()) this.#addCodec(draft, codec, index);
    this.#written.push(draft);
    return draft;
  }

  #addKeys(draft: Draft): void {
    const kinds = this.#kinds.filter((kind) => kind.keyable);
    const isNatural = draft.seed.hasNaturalKey && draft.master === undefined;
    const seeds = isNatural ? draft.seed.keys.slice(0, 1) : draft.seed.keys;
    for (const [index, seed] of seeds.entries()) {
      const kind = pick(kinds, seed);
      const field = isNatural
        ? lowerFirst(draft.name)
        : `${lowerFirst(draft.name)}Id${index === 0 ? "" : index}`;
      const column = snakeCase(field);
      draft.columns.set(column, undefined);
      draft.key.push({ name: column, origin: `${draft.name}.${column}` });
      draft.lines.push(`${field}: ${kind?.type ?? "Int"}! @key${columnDirective({ type: kind?.spec })}`);
    }
  }

  #addReference(draft: Draft, target: Written, seed: ReferenceSeed): void {
    const inKey = seed.inKey && draft.key.length + target.key.length <= maxKeyColumns;
    const isNullable = !inKey && seed.nullable;
    const shared = target.key.filter((column) => draft.columns.has(column.name));
    const isShareable = shared.every((column) => draft.columns.get(column.name) === column.origin);
    const isRepeated = draft.targets.has(target.name);
    const renames = seed.renames || isRepeated || !isShareable || shared.length === target.key.length;
    const number = draft.targets.size + draft.lines.length;
    const columns = target.key.map(({ name, origin }, at) => ({
      name: renames ? `${snakeCase(draft.name)}_r${number}_c${at}` : name,
      origin,
    }));
    const field = renames ? `the${target.name}${number}` : lowerFirst(target.name);
    for (const column of columns) {
      if (inKey && !draft.key.some((each) => each.name === column.name)) draft.key.push(column);
      // What is shared with a nullable reference later would make that one required.
      if (!draft.columns.has(column.name))
        draft.columns.set(column.name, isNullable ? undefined : column.origin);
    }
    draft.targets.add(target.name);
    draft.lines.push(
      `${field}: ${target.name}${isNullable ? "" : "!"}` +
        (inKey ? " @key" : seed.unique ? " @unique" : "") +
        (renames ? ` @reference(columns: ${JSON.stringify(columns.map((column) => column.name))})` : "") +
        (isRepeated || renames ? ` @reverse(name: "of${draft.name}By${number}")` : ""),
    );
  }

  #addField(draft: Draft, seed: FieldSeed, field: string): void {
    const kind = pick(this.#kinds, seed.kind);
    if (kind === undefined) return;
    const isList = kind.type.startsWith("[");
    const nullable = isList ? !kind.type.endsWith("!") : seed.nullable;
    const literal = seed.hasDefault && !nullable ? pick(kind.defaults, seed.kind) : undefined;
    const name = seed.renamesColumn ? `${snakeCase(field)}_stored` : undefined;
    draft.columns.set(name ?? snakeCase(field), undefined);
    if (kind.comparable) draft.comparable.push(field);
    const isWritingTime = literal?.startsWith('"CURRENT_TIMESTAMP') === true;
    if (kind.type === "DateTime" && !isWritingTime) draft.dateTime ??= field;
    const unique = seed.unique && kind.comparable ? " @unique" : "";
    draft.lines.push(
      `${describe(seed.description)}${field}: ${kind.type}${isList || nullable ? "" : "!"}` +
        columnDirective({ name, type: kind.spec, literal }) +
        unique,
    );
  }

  #addCodec(draft: Draft, seed: CodecSeed, index: number): void {
    const codec = pick(this.#options.codecs ?? [], seed.codec);
    if (codec === undefined) return;
    const usesStore = codec.store !== undefined && (codec.row === undefined || seed.store % 2 === 0);
    const store = pick(["default", ...(this.#options.stores ?? [])], seed.store);
    const directive = `@codec(name: "${codec.name}"${usesStore ? `, store: "${store}"` : ""})`;
    const mark = seed.nullable ? "" : "!";
    draft.lines.push(
      seed.isList
        ? `shots${index}: [${codec.output}!]! ${directive}`
        : `array${index}: ${codec.output}${mark} ${directive}`,
    );
  }

  /** A circle through a nullable reference, and a table that refers to itself. */
  #writeForward(draft: Draft, later: readonly Draft[]): void {
    const { seed } = draft;
    const target = seed.forward === undefined ? undefined : pick(later, seed.forward);
    const add = (field: string, to: Written): void => {
      const names = to.key.map((_, at) => `${snakeCase(field)}_c${at}`);
      const reverse = `${field}Of${draft.name}`;
      draft.lines.push(
        `${field}: ${to.name} @reference(columns: ${JSON.stringify(names)}) @reverse(name: "${reverse}")`,
      );
    };
    if (target !== undefined) add("upcoming", target);
    if (seed.refersToItself) add("parent", draft);
  }

  #text(draft: Draft): string {
    const { seed, master, comparable } = draft;
    const [first, second] = comparable;
    const hasPair = first !== undefined && second !== undefined;
    const fileSchema = this.#options.schemas?.[0] ?? "lab";
    const args = [
      master === undefined ? `tier: ${seed.tier}` : `partOf: "${master.name}"`,
      ...(seed.namesTable && master === undefined ? [`name: "stored_${snakeCase(draft.name)}"`] : []),
      ...(draft.schema === fileSchema ? [] : [`schema: "${draft.schema}"`]),
      ...(seed.expires && draft.dateTime !== undefined ? [`expires: "${draft.dateTime}"`] : []),
    ];
    const sets = [
      ...(hasPair && seed.hasPairUnique ? [`@unique(fields: ["${first}", "${second}"])`] : []),
      ...(hasPair && seed.hasPairIndex ? [`@index(fields: ["${second}", "${first}"])`] : []),
    ];
    const head = `${describe(seed.description)}type ${draft.name} ${[`@table(${args.join(", ")})`, ...sets].join(" ")}`;
    return `${head} {\n${draft.lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
  }
}

const masterReference: ReferenceSeed = { to: 0, inKey: true, nullable: false, unique: false, renames: false };

function pick<T>(items: readonly T[], seed: number): T | undefined {
  return items.length === 0 ? undefined : items[seed % items.length];
}

function describe(description: string): string {
  return description === "" ? "" : `${JSON.stringify(description)} `;
}

function columnDirective(parts: {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly literal?: string | undefined;
}): string {
  const args = [
    ...(parts.name === undefined ? [] : [`name: "${parts.name}"`]),
    ...(parts.type === undefined ? [] : [`type: "${parts.type}"`]),
    ...(parts.literal === undefined ? [] : [`default: ${parts.literal}`]),
  ];
  return args.length === 0 ? "" : ` @column(${args.join(", ")})`;
}

/** Values of two enums never meet, so that their types do not either. */
function writeEnum(seed: readonly boolean[], index: number): { name: string; values: string[]; sdl: string } {
  const name = index === 0 ? "Mood" : "Stage";
  const values = seed.map((_, at) => `${name.toUpperCase()}_${at}`);
  const lines = values.map((value, at) => {
    const stored = `${camelCase(name)} no. ${at}`;
    return seed[at] === true ? `  ${value} @value(name: "${stored}")` : `  ${value}`;
  });
  return { name, values, sdl: `enum ${name} {\n${lines.join("\n")}\n}\n` };
}
