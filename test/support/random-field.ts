/** Scalars that a random schema is made of, each with the literals that may be its default. */

/** One way to write a scalar field. */
export interface ScalarKind {
  readonly type: string;
  /** `@column(type:)`, where one is written. */
  readonly spec?: string;
  /** GraphQL literals that are valid defaults. */
  readonly defaults: readonly string[];
  readonly keyable: boolean;
  /** Whether a unique or an index may name it. */
  readonly comparable: boolean;
}

const keyable = (type: string, defaults: readonly string[], spec?: string): ScalarKind => ({
  type,
  defaults,
  keyable: true,
  comparable: true,
  ...(spec === undefined ? {} : { spec }),
});
const plain = (kind: ScalarKind, comparable = true): ScalarKind => ({ ...kind, keyable: false, comparable });

/** Every scalar with every spec it may take; enums are added by the schema. */
const scalarKinds: readonly ScalarKind[] = [
  keyable("Int", ["0", "-7", "2147483647"]),
  keyable("Int", ["-128", "127"], "int8"),
  keyable("Int", ["32767"], "int16"),
  keyable("BigInt", ['"9223372036854775807"', "-9223372036854775808"]),
  keyable("BigInt", ["5"], "int32"),
  keyable("String", ['""', '"it\'s"', '"a \\"quoted\\" \\\\ text"', '"µ, ü, 🧠"']),
  keyable("String", ['"m7"'], "varchar(12)"),
  keyable("String", ['"ab"'], "char(4)"),
  keyable("Boolean", ["true", "false"]),
  keyable("Date", ['"2024-02-29"', '"0001-01-01"', '"9999-12-31"']),
  keyable("DateTime", ['"CURRENT_TIMESTAMP"', '"2024-02-29T12:00:00.125Z"', '"2024-02-29T12:00:00+02:00"']),
  keyable("DateTime", ['"CURRENT_TIMESTAMP(3)"'], "datetime(3)"),
  keyable("DateTime", ['"1970-01-01T00:00:00Z"'], "datetime"),
  keyable("Decimal", ["12.5", '"-0.25"', "0"], "decimal(9,3)"),
  keyable("UUID", ['"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"']),
  plain(keyable("Float", ["1.5", "-2e-3", "0"])),
  plain(keyable("Float", ["0.1"], "float32")),
  plain(keyable("Float64", ['"NaN"', '"-Infinity"', "2.25"])),
  plain(keyable("Float32", ["0.5"])),
  plain(keyable("JSON", ['{a: [1, null, "x"], b: {c: true}}', "[]", "3"]), false),
  plain(keyable("Bytes", []), false),
  plain(keyable("[Int!]!", ["[1, 2]", "[]"]), false),
  plain(keyable("[String]!", ['["a", null]']), false),
  plain(keyable("[Float!]", []), false),
  plain(keyable("[BigInt!]!", ["[]"]), false),
  plain(keyable("[Boolean]!", ["[true, null]"]), false),
  plain(keyable("[Decimal]", []), false),
  plain(keyable("[Date!]", []), false),
  plain(keyable("[DateTime!]!", []), false),
  plain(keyable("[Float64]!", ["[]"]), false),
  plain(keyable("[Float32!]", []), false),
  plain(keyable("[UUID!]", []), false),
  plain(keyable("[JSON]!", ["[]", '[1, {a: "b"}]']), false),
];

/** Field names for scalars: they cannot meet the names of keys and references. */
export const fieldWords: readonly string[] = [
  "weight",
  "startedAt",
  "note",
  "rawValue2",
  "isGood",
  "xPosition",
  "temperature",
  "label",
  "pH",
  "doneOn",
];

/** Type names that cannot meet each other's derived names, plurals or parts. */
export const typeWords: readonly string[] = [
  "Subject",
  "Rig",
  "LFPScan",
  "SpikeTrain",
  "Study2",
  "Species",
  "Mouse",
  "Box",
  "Analysis",
  "Protocol",
  "Area51",
  "Litter",
];

/** The kinds of scalar that a schema with these enums may use. */
export function kindsWith(
  enums: readonly { name: string; values: readonly string[] }[],
): readonly ScalarKind[] {
  const more = enums.map(({ name, values }) => keyable(name, values));
  return [...scalarKinds, ...more];
}
