import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type PostgresDatabase } from "../../src/db/database.ts";
import { sqlstateOf, toServiceError } from "../../src/db/sqlstate.ts";
import { ServiceError } from "../../src/errors.ts";
import { freshDatabase } from "../support/database.ts";

let database: PostgresDatabase;
beforeAll(async () => {
  database = await connect(await freshDatabase());
  await database.query(`
    CREATE SCHEMA lab;
    CREATE TABLE lab.subject (id int PRIMARY KEY, name varchar(3) UNIQUE, weight numeric(3,1) CHECK (weight > 0), born date,
      sex text NOT NULL DEFAULT 'U');
    CREATE TABLE lab.session (subject int REFERENCES lab.subject, day date, at timestamptz, EXCLUDE (day WITH =), PRIMARY KEY (subject, day));
    INSERT INTO lab.subject (id, name) VALUES (1, 'ann');
    INSERT INTO lab.session VALUES (1, '2024-01-01');
    CREATE TYPE color AS ENUM ('red');
    CREATE PROCEDURE raise(state text, said text) LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = said; END $$`);
});
afterAll(() => database.close());

async function errorOf(sql: string, values?: readonly unknown[]): Promise<ServiceError> {
  const error = await database.query(sql, values).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ServiceError)) throw new Error(`no ServiceError: ${String(error)}`);
  return error;
}

describe("toServiceError", () => {
  it.each([
    [
      "INSERT INTO lab.subject (id) VALUES (1)",
      "CONSTRAINT_VIOLATION",
      "lab.subject already has a row with id = 1 (constraint subject_pkey).",
      {
        kind: "unique",
        field: "id",
        value: "1",
        constraint: "subject_pkey",
        sqlstate: "23505",
        table: "lab.subject",
      },
    ],
    [
      "INSERT INTO lab.session VALUES (2, '2024-01-02')",
      "CONSTRAINT_VIOLATION",
      "lab.session refers to subject = 2, which does not exist (constraint session_subject_fkey).",
      { kind: "missing reference", table: "lab.session", remedy: "Create the row it refers to first." },
    ],
    [
      "DELETE FROM lab.subject",
      "CONSTRAINT_VIOLATION",
      "A row of lab.session still refers to id = 1 (constraint session_subject_fkey).",
      {
        kind: "still referenced",
        table: "lab.session",
        remedy: "Delete or change the referring rows first.",
      },
    ],
    [
      "UPDATE lab.subject SET sex = NULL",
      "CONSTRAINT_VIOLATION",
      "sex of lab.subject must not be null.",
      { kind: "not null", field: "sex" },
    ],
    [
      "UPDATE lab.subject SET weight = -1",
      "CONSTRAINT_VIOLATION",
      "A value is refused by the check subject_weight_check of lab.subject.",
      { kind: "check", constraint: "subject_weight_check" },
    ],
    [
      "INSERT INTO lab.subject (id) VALUES (2); INSERT INTO lab.session VALUES (2, '2024-01-01')",
      "CONSTRAINT_VIOLATION",
      "The row overlaps another one of lab.session (constraint session_day_excl).",
      { kind: "exclusion", sqlstate: "23P01" },
    ],
    [
      "UPDATE lab.subject SET name = 'longer'",
      "BAD_USER_INPUT",
      "A text is longer than its column allows.",
      { sqlstate: "22001" },
    ],
    [
      "UPDATE lab.subject SET weight = 1000",
      "BAD_USER_INPUT",
      "A number is outside the range of its column.",
      { sqlstate: "22003" },
    ],
    [
      "SELECT 'x'::int",
      "BAD_USER_INPUT",
      'A value is not valid: invalid input syntax for type integer: "x".',
      {},
    ],
    [
      "SELECT 'blue'::color",
      "BAD_USER_INPUT",
      'A value is not valid: invalid input value for enum color: "blue".',
      {},
    ],
    [
      "SELECT '2024-02-30'::date",
      "BAD_USER_INPUT",
      'A value is not valid: date/time field value out of range: "2024-02-30".',
      { sqlstate: "22008" },
    ],
    ["SELECT 'noon'::date", "BAD_USER_INPUT", expect.stringContaining('"noon"'), { sqlstate: "22007" }],
    [
      "SELECT '\"\\u0000\"'::jsonb",
      "BAD_USER_INPUT",
      expect.stringContaining("U+0000"),
      { sqlstate: "22P05" },
    ],
    [
      "CALL raise('40001', 'secret')",
      "CONFLICT",
      expect.stringContaining("same time"),
      { sqlstate: "40001" },
    ],
    [
      "CALL raise('40P01', 'secret')",
      "CONFLICT",
      expect.stringContaining("gave way"),
      { remedy: "Try again." },
    ],
    ["CALL raise('55P03', 'secret')", "CONFLICT", expect.stringContaining("lock"), { sqlstate: "55P03" }],
    [
      "CALL raise('55006', 'object main:a is being deleted, retry later')",
      "CONFLICT",
      "In use: object main:a is being deleted, retry later.",
      { sqlstate: "55006" },
    ],
    [
      "CALL raise('23503', 'fremd')",
      "CONSTRAINT_VIOLATION",
      "A reference of the table does not allow the value (constraint unnamed).",
      { kind: "reference" },
    ],
    [
      "CALL raise('P0001', 'no mice on Sundays')",
      "CONSTRAINT_VIOLATION",
      "A rule of the database refuses it: no mice on Sundays.",
      { kind: "trigger" },
    ],
    [
      "CALL raise('57014', 'x')",
      "LIMIT_EXCEEDED",
      expect.stringContaining("time limit"),
      { sqlstate: "57014" },
    ],
    ["CALL raise('54001', 'x')", "LIMIT_EXCEEDED", expect.stringContaining("deeper"), {}],
    [
      "CALL raise('57P03', 'starting up')",
      "DATABASE_UNAVAILABLE",
      expect.stringContaining("starting up"),
      {},
    ],
    ["CALL raise('08006', 'gone')", "DATABASE_UNAVAILABLE", expect.stringContaining("gone"), {}],
    ["CALL raise('53100', 'disk full')", "DATABASE_UNAVAILABLE", expect.stringContaining("disk full"), {}],
    [
      "CALL raise('42501', 'permission denied')",
      "FORBIDDEN",
      expect.stringContaining("permission denied"),
      {},
    ],
    ["SELECT 1/0", "BAD_USER_INPUT", "A value is not valid: division by zero.", { sqlstate: "22012" }],
  ])("%s is %s", async (sql, code, message, details) => {
    const error = await errorOf(sql);
    expect({ code: error.code, message: error.message }).toEqual({ code, message });
    expect(error.details).toMatchObject(details);
  });

  it("says of NUL that it cannot be stored", async () => {
    const error = await errorOf("SELECT $1::text", ["a\0b"]);
    expect(error).toMatchObject({ code: "BAD_USER_INPUT", message: expect.stringContaining("NUL") });
  });

  it("keeps the text of statements and unforeseen messages to itself", async () => {
    const error = await errorOf("SELECT secret_column FROM lab.subject");
    expect(error.code).toBe("INTERNAL_SERVER_ERROR");
    expect(error.message).toBe("PostgreSQL refused a statement (SQLSTATE 42703).");
    expect(sqlstateOf(error)).toBe("42703");
    expect(sqlstateOf(error.cause)).toBe("42703");
  });

  it("shortens long keys", async () => {
    const long = "k".repeat(2000);
    await database.query("CREATE TABLE lab.long (k text PRIMARY KEY)");
    await database.query("INSERT INTO lab.long VALUES ($1)", [long]);
    const error = await errorOf("INSERT INTO lab.long VALUES ($1)", [long]);
    expect(error.message.length).toBeLessThan(400);
  });

  it("passes a ServiceError, and knows a lost network", () => {
    const known = new ServiceError("NOT_FOUND", "no");
    expect(toServiceError(known)).toBe(known);
    for (const message of ["Connection terminated unexpectedly", "timeout exceeded when trying to connect"]) {
      expect(toServiceError(new Error(message)).code).toBe("DATABASE_UNAVAILABLE");
    }
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    expect(toServiceError(new AggregateError([refused])).code).toBe("DATABASE_UNAVAILABLE");
    expect(toServiceError(new TypeError("x is not a function")).code).toBe("INTERNAL_SERVER_ERROR");
    expect(sqlstateOf("nonsense")).toBeUndefined();
  });
});
