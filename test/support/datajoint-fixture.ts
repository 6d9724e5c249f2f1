/** Rows of codec columns in the fixture that DataJoint wrote, and the files of its stores. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../src/codec/contract.ts";

const root = join(import.meta.dirname, "../fixtures/datajoint");

/** A neutral value of the fixture's README. */
export interface Neutral {
  readonly t: string;
  readonly [more: string]: unknown;
}

/** One value of a codec column. */
export interface FixtureValue {
  readonly table: string;
  readonly column: string;
  readonly spec: string;
  readonly value: Neutral;
  /** The row's JSON, for columns of type jsonb. */
  readonly json: JsonObject;
  /** The row's bytes, for columns of type bytea. */
  readonly bytes: Uint8Array | undefined;
}

interface Expected {
  readonly schemas: Record<string, Record<string, ExpectedTable>>;
}

interface ExpectedTable {
  readonly columns?: Record<string, { pg_type: string; comment: string | null }>;
  readonly rows: {
    values: Record<string, Neutral>;
    stored: Record<string, { json?: JsonObject; hex?: string } | null>;
  }[];
}

/** Every value of columns of one codec, NULLs left out. */
export function fixtureColumns(codec: string): FixtureValue[] {
  const expected: Expected = JSON.parse(readFileSync(join(root, "expected.json"), "utf8"));
  const out: FixtureValue[] = [];
  for (const [schema, tables] of Object.entries(expected.schemas)) {
    for (const [name, table] of Object.entries(tables)) {
      for (const [column, { comment }] of Object.entries(table.columns ?? {})) {
        const spec = /^:(<([a-z0-9_]+)(?:@[^>]*)?>):/.exec(comment ?? "");
        if (spec?.[2] !== codec) continue;
        for (const row of table.rows) {
          const stored = row.stored[column];
          const value = row.values[column];
          if (stored === null || stored === undefined || value === undefined) continue;
          const bytes = stored.hex === undefined ? undefined : new Uint8Array(Buffer.from(stored.hex, "hex"));
          out.push({
            table: `${schema}.${name}`,
            column,
            spec: spec[1] ?? "",
            value,
            json: stored.json ?? {},
            bytes,
          });
        }
      }
    }
  }
  return out;
}

/** The file that a row's JSON names; an empty store is the default one. */
export function storeFile(json: JsonObject, relative = ""): Uint8Array {
  return new Uint8Array(
    readFileSync(join(root, "store", String(json["store"] || "main"), String(json["path"]), relative)),
  );
}
