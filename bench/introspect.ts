/** How long `introspect` takes for a database of 200 tables: `node bench/introspect.ts [tables]`, with DATABASE_URL of an empty database. */

import { connect } from "../src/db/database.ts";
import { readSchemas } from "../src/db/read-schemas.ts";
import { introspect } from "../src/introspect/introspect.ts";

const count = Number(process.argv[2] ?? 200);
const schemas = ["bench_a", "bench_b", "bench_c", "bench_d"];

/** A chain of tables with keys of growing width, twenty columns each, references across schemas, and parts. */
function tables(): string {
  const lines = schemas.map((name) => `CREATE SCHEMA ${name};`);
  for (let at = 0; at < count; at++) {
    const name = `${schemas[at % schemas.length]}.${["", "_", "__"][at % 3]}table_${letters(at)}`;
    const parent = at < schemas.length ? undefined : at - schemas.length;
    const plain = Array.from(
      { length: 20 },
      (_, n) => `value_${letters(n)} double precision NOT NULL DEFAULT '1.5'`,
    );
    const of = `${schemas[at % schemas.length]}.${["", "_", "__"][(parent ?? 0) % 3]}table_${letters(parent ?? 0)}`;
    const reference =
      parent === undefined ? [] : [`parent_id integer REFERENCES ${of} ON UPDATE CASCADE ON DELETE RESTRICT`];
    lines.push(`CREATE TABLE ${name} (id integer PRIMARY KEY, ${[...plain, ...reference].join(", ")});`);
    lines.push(`COMMENT ON COLUMN ${name}.id IS ':int32:number';`);
    for (let n = 0; n < 20; n++) lines.push(`COMMENT ON COLUMN ${name}.value_${letters(n)} IS ':float64:';`);
  }
  return lines.join("\n");
}

function letters(number: number): string {
  return [...String(number)].map((digit) => "abcdefghij"[Number(digit)]).join("");
}

const url = process.env["DATABASE_URL"];
if (url === undefined) throw new Error("Set DATABASE_URL to an empty database.");
const db = await connect(url);
await db.query(`DROP SCHEMA IF EXISTS ${schemas.join(", ")} CASCADE`);
await db.transaction((transaction) => transaction.query(tables()));
const context = {
  codecs: new Map(),
  stores: new Set<string>(),
  defaultStore: undefined,
  filepathDefaultStore: undefined,
};
for (let run = 0; run < 5; run++) {
  const begin = performance.now();
  const catalog = await readSchemas(db, schemas);
  const read = performance.now();
  const found = introspect(catalog, schemas, context);
  const end = performance.now();
  if (found.faults.length > 0 || found.tables !== count) throw new Error(found.faults.join("\n"));
  const [reading, describing] = [read - begin, end - read].map((ms) => ms.toFixed(0));
  process.stdout.write(
    `${found.tables} tables: read in ${reading} ms, described and proven in ${describing} ms\n`,
  );
}
await db.query(`DROP SCHEMA ${schemas.join(", ")} CASCADE`);
await db.close();
