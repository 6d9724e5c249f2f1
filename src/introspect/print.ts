/** Description → the text of a schema file. */

import type { DescribedEnum, DescribedField, DescribedTable, Description } from "./description.ts";

export function printDescription({ schemas, tables, enums, notes }: Description): string {
  const [own = ""] = schemas;
  const said = new Set(tables.flatMap(({ remarks }) => remarks));
  const rest = notes.filter(
    ({ column, message }) => !said.has(column === undefined ? message : `${column}: ${message}`),
  );
  const remarks = rest.map(({ table, message }) => comment(`${table}: ${message}`)).join("");
  return [
    `# Tables of ${schemas.join(", ")}, as holdfast introspect found them.\n${remarks}\nextend schema @database(schema: ${text(own)})\n`,
    ...tables.map((table) => printTable(table, own)),
    ...enums.map(printEnum),
  ].join("\n");
}

/** GraphQL takes the strings of JSON. */
function text(value: string): string {
  return JSON.stringify(value);
}

function comment(line: string): string {
  return `# ${line.replaceAll(/[\r\n]+/g, " ")}\n`;
}

function printTable(table: DescribedTable, ownSchema: string): string {
  const { entity, tier, partOf, tableName, plural, schema } = table;
  const head = argumentList([
    ["name", tableName === undefined ? undefined : text(tableName)],
    ["tier", tier === "MANUAL" || partOf !== undefined ? undefined : tier],
    ["partOf", partOf === undefined ? undefined : text(partOf)],
    ["schema", schema === ownSchema ? undefined : text(schema)],
    ["plural", plural === undefined ? undefined : text(plural)],
  ]);
  const sets = [
    ...table.uniques.map((fields) => ` @unique(fields: ${texts(fields)})`),
    ...table.indexes.map((fields) => ` @index(fields: ${texts(fields)})`),
  ];
  const description = table.description === "" ? "" : `${text(table.description)}\n`;
  const remarks = table.remarks.map((remark) => `  ${comment(remark)}`).join("");
  const fields = table.fields.map(printField).join("");
  return `${description}type ${entity} @table${head}${sets.join("")} {\n${remarks}${fields}}\n`;
}

function printField(field: DescribedField): string {
  const { name, type, nullable, inKey, unique, column = {}, codec, columns, reverse } = field;
  const said = [
    `${name}: ${type}${nullable ? "" : "!"}`,
    ...(inKey ? ["@key"] : []),
    ...directive("column", [
      ["name", column.name === undefined ? undefined : text(column.name)],
      ["type", column.type === undefined ? undefined : text(column.type)],
      ["native", column.native === undefined ? undefined : text(column.native)],
      ["default", column.default],
    ]),
    ...directive("codec", [
      ["name", codec === undefined ? undefined : text(codec.name)],
      ["store", codec?.store === undefined ? undefined : text(codec.store)],
    ]),
    ...directive("reference", [["columns", columns === undefined ? undefined : texts(columns)]]),
    ...directive("reverse", [["name", reverse === undefined ? undefined : text(reverse)]]),
    ...(unique ? ["@unique"] : []),
  ];
  const description = field.description === "" ? "" : `  ${text(field.description)}\n`;
  return `${description}  ${said.join(" ")}\n`;
}

function printEnum({ name, values }: DescribedEnum): string {
  const lines = values.map((value) =>
    value.name === value.stored
      ? `  ${value.name}\n`
      : `  ${value.name} @value(name: ${text(value.stored)})\n`,
  );
  return `enum ${name} {\n${lines.join("")}}\n`;
}

type Arguments = readonly (readonly [name: string, value: string | undefined])[];

function directive(name: string, given: Arguments): readonly string[] {
  const list = argumentList(given);
  return list === "" ? [] : [`@${name}${list}`];
}

function argumentList(given: Arguments): string {
  const said = given.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return said.length === 0 ? "" : `(${said.join(", ")})`;
}

function texts(values: readonly string[]): string {
  return `[${values.map(text).join(", ")}]`;
}
