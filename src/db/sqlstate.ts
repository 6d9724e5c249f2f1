/**
 * What PostgreSQL says, as ServiceError: the one place where SQLSTATE codes are read.
 * Messages name table, column, key and constraint; never the SQL text.
 * @source https://www.postgresql.org/docs/18/errcodes-appendix.html
 */

import { type ErrorCode, type ErrorDetails, isServiceError, ServiceError } from "../errors.ts";

/** The fields of a PostgreSQL error report that node-postgres hands over. */
interface Report {
  readonly code: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
}

type Said = { code: ErrorCode; message: string; details?: ErrorDetails };

/** SQLSTATE of a PostgreSQL error, or of the one behind a ServiceError; `undefined` for anything else. */
export function sqlstateOf(error: unknown): string | undefined {
  const cause = isServiceError(error) ? error.cause : error;
  return isReport(cause) ? cause.code : undefined;
}

/** Translates whatever node-postgres threw. A ServiceError passes unchanged. */
export function toServiceError(error: unknown): ServiceError {
  if (isServiceError(error)) return error;
  if (isReport(error)) {
    const said = (exact[error.code] ?? byClass[error.code.slice(0, 2)] ?? unforeseen)(error);
    const details = { sqlstate: error.code, ...tableOf(error), ...said.details };
    return new ServiceError(said.code, said.message, { details, cause: error });
  }
  if (isConnectionLoss(error)) {
    return new ServiceError("DATABASE_UNAVAILABLE", `PostgreSQL cannot be reached: ${reasonOf(error)}.`, {
      details: { remedy: "Check that the server runs and that DATABASE_URL names its host and port." },
      cause: error,
    });
  }
  return new ServiceError("INTERNAL_SERVER_ERROR", "The database driver refused the call.", { cause: error });
}

function isReport(error: unknown): error is Report {
  return (
    error instanceof Error &&
    "severity" in error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^[0-9A-Z]{5}$/.test(error.code)
  );
}

const networkCodes =
  /^(ECONN|EPIPE$|ENOTFOUND$|EAI_|EHOST|ENET|ETIMEDOUT$|ENOENT$|EACCES$|EPERM$)|^ERR_(SSL|TLS)|CERT/;
const networkMessages =
  /connection terminated|timeout (exceeded|expired)|not queryable|client was closed|cannot use a pool after|SSL connections|certificate|socket disconnected/i;

function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isConnectionLoss)) return true;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return networkCodes.test(code) || networkMessages.test(error.message);
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

function tableOf(report: Report): ErrorDetails {
  return {
    ...(report.table === undefined ? {} : { table: `${report.schema ?? "public"}.${report.table}` }),
    ...(report.column === undefined ? {} : { field: report.column }),
    ...(report.constraint === undefined ? {} : { constraint: report.constraint }),
  };
}

function named(report: Report): string {
  return report.table === undefined ? "the table" : `${report.schema ?? "public"}.${report.table}`;
}

/** `Key (a, b)=(1, x) already exists.`: the bracketed parts, in any message language. */
function keyOf(report: Report): { columns: string; values: string } | undefined {
  const match = /\(([^=]*)\)=\((.*)\)/s.exec(report.detail ?? "");
  if (match === null) return undefined;
  return { columns: match[1] ?? "", values: short(match[2] ?? "") };
}

function short(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

function keyDetails(key: { columns: string; values: string } | undefined): ErrorDetails {
  return key === undefined ? {} : { field: key.columns, value: key.values };
}

function uniqueViolation(report: Report): Said {
  const key = keyOf(report);
  const what = key === undefined ? "this key" : `${key.columns} = ${key.values}`;
  return {
    code: "CONSTRAINT_VIOLATION",
    message: `${named(report)} already has a row with ${what} (constraint ${report.constraint ?? "unnamed"}).`,
    details: {
      ...keyDetails(key),
      kind: "unique",
      remedy: "Use another key, or update the row that has it.",
    },
  };
}

/** The report names the referring table in both directions; the server's words, if in English, tell which it was. */
function referenceViolation(report: Report): Said {
  const key = keyOf(report);
  const what = key === undefined ? "the value" : `${key.columns} = ${key.values}`;
  const constraint = `(constraint ${report.constraint ?? "unnamed"})`;
  const said = (message: string, kind: string, remedy: string): Said => ({
    code: "CONSTRAINT_VIOLATION",
    message: `${message} ${constraint}.`,
    details: { ...keyDetails(key), kind, remedy },
  });
  const table = named(report);
  const detail = report.detail ?? "";
  if (/not present/.test(detail)) {
    const message = `${table} refers to ${what}, which does not exist`;
    return said(message, "missing reference", "Create the row it refers to first.");
  }
  if (/referenced from/.test(detail)) {
    const message = `A row of ${table} still refers to ${what}`;
    return said(message, "still referenced", "Delete or change the referring rows first.");
  }
  const remedy = "Create the row it refers to first, or delete the referring rows first.";
  return said(`A reference of ${table} does not allow ${what}`, "reference", remedy);
}

function notNullViolation(report: Report): Said {
  return {
    code: "CONSTRAINT_VIOLATION",
    message: `${report.column ?? "A column"} of ${named(report)} must not be null.`,
    details: { kind: "not null", remedy: "Give it a value." },
  };
}

function checkViolation(report: Report): Said {
  return {
    code: "CONSTRAINT_VIOLATION",
    message: `A value is refused by the check ${report.constraint ?? "unnamed"} of ${named(report)}.`,
    details: { kind: "check" },
  };
}

function input(message: string, remedy?: string): (report: Report) => Said {
  return (report) => ({
    code: "BAD_USER_INPUT",
    message: `${message}${report.column === undefined ? "" : ` (column ${report.column})`}.`,
    details: remedy === undefined ? {} : { remedy },
  });
}

/** PostgreSQL's own sentence quotes the value and the type here, never a statement. */
function inputAsSaid(report: Report): Said {
  return { code: "BAD_USER_INPUT", message: `A value is not valid: ${short(report.message)}.` };
}

function conflict(message: string): (report: Report) => Said {
  return () => ({ code: "CONFLICT", message, details: { remedy: "Try again." } });
}

function unavailable(what: string, remedy: string): (report: Report) => Said {
  return (report) => ({
    code: "DATABASE_UNAVAILABLE",
    message: `${what}: ${short(report.message)}.`,
    details: { remedy },
  });
}

const login = unavailable(
  "PostgreSQL refuses the login",
  "Check user, password and database name in DATABASE_URL, and the server's pg_hba.conf.",
);
const restarting = unavailable("PostgreSQL is shutting down or starting", "Try again in a moment.");
const full = unavailable(
  "PostgreSQL has no room left",
  "Free disk space, memory or connections on the server.",
);

const exact: Readonly<Record<string, (report: Report) => Said>> = {
  "23505": uniqueViolation,
  "23503": referenceViolation,
  "23001": referenceViolation,
  "23502": notNullViolation,
  "23514": checkViolation,
  "23P01": (report) => ({
    code: "CONSTRAINT_VIOLATION",
    message: `The row overlaps another one of ${named(report)} (constraint ${report.constraint ?? "unnamed"}).`,
    details: { ...keyDetails(keyOf(report)), kind: "exclusion" },
  }),
  // A trigger of the user's own speaks to users.
  P0001: (report) => ({
    code: "CONSTRAINT_VIOLATION",
    message: `A rule of the database refuses it: ${short(report.message)}.`,
    details: { kind: "trigger" },
  }),
  "22001": input("A text is longer than its column allows", "Shorten it."),
  "22003": input("A number is outside the range of its column"),
  "22007": inputAsSaid,
  "22008": inputAsSaid,
  "22P02": inputAsSaid,
  "22021": input("A text holds a NUL character or is not UTF-8, which PostgreSQL cannot store", "Remove it."),
  "22P05": input("A text holds the character U+0000, which PostgreSQL cannot store", "Remove it."),
  "40001": conflict("Another transaction changed the same rows at the same time."),
  "40P01": conflict("Two transactions waited for each other; this one gave way."),
  "55P03": conflict(
    "A lock was not granted in time; another transaction is working on the same rows or tables.",
  ),
  "55006": (report) => ({
    code: "CONFLICT",
    message: `In use: ${short(report.message)}.`,
    details: { remedy: "Try again." },
  }),
  "57014": () => ({
    code: "LIMIT_EXCEEDED",
    message: "The statement was stopped, because it took longer than its time limit.",
    details: { remedy: "Ask for less at once." },
  }),
  "54000": () => ({
    code: "LIMIT_EXCEEDED",
    message: "The request is larger than PostgreSQL can work with.",
  }),
  "54001": () => ({
    code: "LIMIT_EXCEEDED",
    message: "The request is nested deeper than PostgreSQL can work with.",
  }),
  "3D000": unavailable("PostgreSQL has no such database", "Create it, or name another one in DATABASE_URL."),
  "42501": (report) => ({
    code: "FORBIDDEN",
    message: `PostgreSQL does not allow it: ${short(report.message)}.`,
    details: { remedy: "Grant the right to the user named in DATABASE_URL." },
  }),
  "0A000": (report) =>
    /cached plan/.test(report.message)
      ? {
          code: "CONFLICT",
          message: "The table was changed while it was read.",
          details: { remedy: "Try again." },
        }
      : unforeseen(report),
  "26000": conflict("The connection was reset."),
  "25006": unavailable(
    "PostgreSQL accepts no changes",
    "Name the primary server in DATABASE_URL, not a replica.",
  ),
};

const byClass: Readonly<Record<string, (report: Report) => Said>> = {
  "08": unavailable("The connection to PostgreSQL failed", "Check that the server runs and can be reached."),
  "22": inputAsSaid,
  "28": login,
  "40": conflict("The transaction was rolled back."),
  "53": full,
  "57": restarting,
  "58": unavailable("PostgreSQL met an error of its disk or system", "See the server's log."),
};

function unforeseen(report: Report): Said {
  return {
    code: "INTERNAL_SERVER_ERROR",
    message: `PostgreSQL refused a statement (SQLSTATE ${report.code}).`,
  };
}
