/**
 * Every kind of mutation, failing from every cause outside of it, after it has done its work: a later field of the request, a client that
 * leaves, time that is over, a connection that dies, a lost race, a commit that is refused, a store that fails.
 */

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultApiLimits } from "../../../src/api/limits.ts";
import { withStatementLimit } from "../../../src/api/statement-limit.ts";
import { defaultWriteLimits, type WriteServices } from "../../../src/api/write/contract.ts";
import { expectOnlyReserved, readLedger } from "./ledger.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Gate @table { gate: Int! @key  n: Int! }
type Subject @table {
  subjectId: Int! @key
  name: String! @unique
  age: Int
  boss: Subject @reference(columns: ["boss"])
  settings: Blob @codec(name: "blob")
  notes: File @codec(name: "attach", store: "main")
  bytes: File @codec(name: "hash", store: "main")
  traces: NdArray @codec(name: "npy", store: "main")
  volume: Tree @codec(name: "object", store: "main")
  raw: FileRef @codec(name: "filepath", store: "cold")
  files: [File!]! @codec(name: "attach", store: "main")
}
type Session @table { subject: Subject! @key  sessionIdx: Int! @key  note: String }
`);

/** Runs of the same mutation differ in the bytes of their values, so that none finds those of another. */
let runs = 0;
const file = (name: string) => `{text: {name: "${name}", content: "${name} of run ${runs}"}}`;
const array = () => `{values: {dtype: "int16", shape: [2], data: [1, ${runs % 30_000}]}}`;

interface Kind {
  readonly name: string;
  /** The field, for rows whose keys begin at `b`: of these b + 1 (with two sessions) and b + 2 are there. */
  readonly field: (b: number) => string;
  /** Whether bytes go to the store `main` on the way. */
  readonly stores?: true;
  /** Whether it changes nothing when it succeeds. */
  readonly isDry?: true;
}

const affected = "{ affected { table count } }";
const kinds: readonly Kind[] = [
  {
    name: "create",
    field: (b) => `createSubject(input: {subjectId: ${b + 5}, name: "n${b + 5}", files: []}) ${affected}`,
  },
  {
    name: "nested creates",
    field: (b) =>
      `createSubject(input: {subjectId: ${b + 5}, name: "n${b + 5}", boss: {create: {subjectId: ${b + 6}, name: "n${b + 6}", files: []}}, files: [], notes: ${file("n")}, sessions: [{sessionIdx: 1}, {sessionIdx: 2}]}) ${affected}`,
    stores: true,
  },
  ...["ABORT", "SKIP", "UPDATE"].map(
    (rule): Kind => ({
      name: `createMany ${rule}`,
      field: (b) =>
        `createSubjects(onConflict: ${rule}, rows: [${rule === "ABORT" ? "" : `{subjectId: ${b + 1}, name: "m${b + 1}", files: [], sessions: [{sessionIdx: 1, note: "x"}, {sessionIdx: 9}]},`} {subjectId: ${b + 5}, name: "n${b + 5}", files: [${file("f")}, ${file("g")}]}]) ${affected}`,
      stores: true,
    }),
  ),
  {
    name: "update",
    field: (b) =>
      `updateSubject(key: {subjectId: ${b + 1}}, set: {age: ${runs}, notes: ${file("u")}, files: [${file("v")}]}) ${affected}`,
    stores: true,
  },
  {
    name: "updateMany",
    field: (b) =>
      `updateSubjects(where: {subjectId: {in: [${b + 1}, ${b + 2}]}}, atMost: 2, set: {age: ${runs}, bytes: {base64: {content: "${btoa(`run ${runs}`)}"}}}) ${affected}`,
    stores: true,
  },
  {
    name: "upsert that creates",
    field: (b) =>
      `upsertSubject(input: {subjectId: ${b + 5}, name: "n${b + 5}", files: [], sessions: [{sessionIdx: 1}]}) ${affected}`,
  },
  {
    name: "upsert that updates, by the key",
    field: (b) =>
      `upsertSubject(input: {subjectId: ${b + 1}, name: "o${b + 1}", files: [], age: ${runs}, traces: ${array()}}) ${affected}`,
    stores: true,
  },
  {
    name: "upsert that updates, by a unique",
    field: (b) =>
      `upsertSubject(input: {subjectId: ${b + 9}, name: "n${b + 2}", files: [], age: ${runs}}, on: NAME) ${affected}`,
  },
  { name: "delete", field: (b) => `deleteSubject(key: {subjectId: ${b + 2}}) ${affected}` },
  {
    name: "delete, cascading",
    field: (b) => `deleteSubject(key: {subjectId: ${b + 1}}, cascade: true) ${affected}`,
  },
  {
    name: "deleteMany, cascading",
    field: (b) =>
      `deleteSubjects(where: {subjectId: {in: [${b + 1}, ${b + 2}]}}, atMost: 2, cascade: true) ${affected}`,
  },
  {
    name: "deleteMany, dry",
    field: (b) =>
      `deleteSubjects(where: {subjectId: {in: [${b + 1}, ${b + 2}]}}, atMost: 2, cascade: true, dryRun: true) ${affected}`,
    isDry: true,
  },
  {
    name: "a value in the row",
    field: (b) =>
      `updateSubject(key: {subjectId: ${b + 1}}, set: {settings: {json: {run: ${runs}}}}) ${affected}`,
  },
  {
    name: "a file that somebody else has",
    field: (b) => `updateSubject(key: {subjectId: ${b + 1}}, set: {raw: {path: "rig/raw.dat"}}) ${affected}`,
  },
  {
    name: "an array",
    field: (b) => `updateSubject(key: {subjectId: ${b + 1}}, set: {traces: ${array()}}) ${affected}`,
    stores: true,
  },
  {
    name: "a folder that was uploaded",
    field: (b) =>
      `updateSubject(key: {subjectId: ${b + 1}}, set: {volume: {upload: "${uploads.get(b)}"}}) ${affected}`,
  },
];

const uploads = new Map<number, string>();
const bases = new Map(kinds.map(({ name }, index) => [name, 100 * (index + 1)]));

async function* bytes(text: string) {
  yield Buffer.from(text);
}

/** Rows of the table Gate that refuse to be updated, each in its way. */
const gates = { none: 1, conflict: 2, deadlock: 3, full: 4, atCommit: 5, slowCommit: 6, asleep: 7 };

beforeAll(async () => {
  await mkdir(join(world.folder, "cold/rig"), { recursive: true });
  await writeFile(join(world.folder, "cold/rig/raw.dat"), "raw!");
  const rows = [...bases.values()].flatMap((b) => [
    {
      subjectId: b + 1,
      name: `n${b + 1}`,
      notes: { text: { name: "a", content: `${b}` } },
      files: [],
      sessions: [{ sessionIdx: 1 }, { sessionIdx: 2 }],
    },
    { subjectId: b + 2, name: `n${b + 2}`, files: [] },
  ]);
  await world.data("mutation ($rows: [CreateSubjectInput!]!) { createSubjects(rows: $rows) { count } }", {
    rows,
  });
  const gateRows = Object.values(gates).map((gate) => ({ gate, n: 0 }));
  await world.data("mutation ($rows: [CreateGateInput!]!) { createGates(rows: $rows) { count } }", {
    rows: gateRows,
  });
  await world.db.query(`
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.gate = 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF;
      IF NEW.gate = 3 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF;
      IF NEW.gate = 4 THEN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END IF;
      IF NEW.gate = 7 THEN PERFORM pg_sleep(3600); END IF;
      RETURN NEW; END $$`);
  await world.db.query(`
    CREATE FUNCTION public.refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.gate = 5 THEN RAISE EXCEPTION 'late' USING ERRCODE = '40001'; END IF;
      IF NEW.gate = 6 THEN PERFORM pg_advisory_xact_lock(77); END IF;
      RETURN NULL; END $$`);
  await world.db.query(
    "CREATE TRIGGER refuse BEFORE UPDATE ON lab.gate FOR EACH ROW EXECUTE FUNCTION public.refuse()",
  );
  await world.db.query(
    "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON lab.gate DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse_late()",
  );
  for (const b of bases.values()) {
    const target = { type: "Subject", field: "volume", key: { subjectId: b + 1 } };
    const { createUpload } = await world.data(
      "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }",
      { input: { target, filename: "v.zarr", kind: "TREE" } },
    );
    await world.services.objects.uploads.receive(createUpload.id, bytes(`${b}`), { path: "0/0" });
    await world.data("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: createUpload.id });
    uploads.set(b, createUpload.id);
  }
});

const blocker = new Client({ connectionString: world.url });
await blocker.connect();
afterAll(() => blocker.end());

const passing = (gate: number) =>
  `last: updateGate(key: {gate: ${gate}}, set: {n: ${runs}}) { affected { count } }`;

/** Holds the mutation up where it waits for `lock`, calls `then` with its server process, and answers the mutation's end. */
async function heldUp(
  lock: string,
  start: () => Promise<unknown>,
  then: (pid: number) => unknown,
): Promise<unknown> {
  await blocker.query("BEGIN");
  await blocker.query(lock);
  try {
    let hasEnded = false;
    const end = start()
      .catch((error: unknown) => error)
      .finally(() => {
        hasEnded = true;
      });
    let pid: number | undefined;
    while (pid === undefined && !hasEnded) pid = await waiting();
    if (pid !== undefined) await then(pid);
    return await end;
  } finally {
    await blocker.query("ROLLBACK");
  }
}

async function waiting(): Promise<number | undefined> {
  // Within a transaction it would tell what it told first.
  await blocker.query("SELECT pg_stat_clear_snapshot()");
  const { rows } = await blocker.query(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND (wait_event_type = 'Lock' OR wait_event = 'PgSleep')",
  );
  return rows[0]?.pid;
}

const gateLock = "SELECT FROM lab.gate WHERE gate = 1 FOR UPDATE";
const few: Partial<WriteServices> = { limits: { ...defaultWriteLimits, attempts: 2 } };
const once: Partial<WriteServices> = { limits: { ...defaultWriteLimits, attempts: 1 } };
const hurried: Partial<WriteServices> = {
  db: withStatementLimit(world.services.db, { ...defaultApiLimits, statementTimeoutMs: 150 }),
};

/** Runs `field` and one that meets the gate, and tells the code of the error and the field it is of. */
type Failure = (field: string) => Promise<unknown>;

async function told(field: string, gate: number, services: Partial<WriteServices> = {}): Promise<unknown> {
  const answer = await world.run(`mutation { first: ${field} ${passing(gate)} }`, {}, { services });
  expect(answer.data).toBeNull();
  return [answer.errors[0]?.extensions["code"], answer.errors[0]?.path?.[0]];
}

const causes: readonly (readonly [name: string, expected: readonly unknown[], fail: Failure])[] = [
  [
    "a later field that is refused",
    ["CONSTRAINT_VIOLATION", "last"],
    async (field) => {
      const answer = await world.run(
        `mutation { first: ${field} last: createGate(input: {gate: 1, n: 1}) { affected { count } } }`,
      );
      expect(answer.data).toBeNull();
      return [answer.errors[0]?.extensions["code"], answer.errors[0]?.path?.[0]];
    },
  ],
  ["a later field that finds nothing", ["NOT_FOUND", "last"], (field) => told(field, 99)],
  ["a race that is lost every time", ["CONFLICT", "last"], (field) => told(field, gates.conflict, few)],
  ["deadlocks every time", ["CONFLICT", "last"], (field) => told(field, gates.deadlock, few)],
  ["a full disk", ["DATABASE_UNAVAILABLE", "last"], (field) => told(field, gates.full)],
  ["a commit that is refused", ["CONFLICT", undefined], (field) => told(field, gates.atCommit, few)],
  [
    "statement_timeout",
    ["LIMIT_EXCEEDED", "last"],
    (field) =>
      heldUp(
        gateLock,
        () => told(field, gates.none, hurried),
        () => undefined,
      ),
  ],
  [
    "a client that leaves",
    ["gone"],
    async (field) => {
      const client = new AbortController();
      const context = {
        principal: { name: "anonymous", rights: new Set(["WRITE"] as const) },
        baseUrl: "http://127.0.0.1:1",
        signal: client.signal,
      };
      const text = `mutation { first: ${field} ${passing(gates.asleep)} }`;
      // Nothing else ends that sleep.
      const end = await heldUp(
        "SELECT",
        () => world.run(text, {}, { context }),
        () => client.abort("gone"),
      );
      return [end];
    },
  ],
  [
    "a connection that dies",
    ["DATABASE_UNAVAILABLE", "last"],
    (field) =>
      heldUp(
        gateLock,
        () => told(field, gates.none),
        (pid) => blocker.query("SELECT pg_terminate_backend($1)", [pid]),
      ),
  ],
  [
    "a connection that dies while committing",
    ["CONFLICT", undefined],
    (field) => {
      const lock = "SELECT pg_advisory_xact_lock(77)";
      return heldUp(
        lock,
        () => told(field, gates.slowCommit, once),
        (pid) => blocker.query("SELECT pg_terminate_backend($1)", [pid]),
      );
    },
  ],
];

const ledger = () => readLedger(world.db, world.folder);

describe.each(kinds)("$name", ({ name, field, stores, isDry }) => {
  const base = bases.get(name) ?? 0;

  test.each(causes)("%s", async (_, expected, fail) => {
    runs += 1;
    const before = await ledger();
    expect(await fail(field(base))).toEqual(expected);
    expectOnlyReserved(before, await ledger());
  });

  if (stores)
    test("a store that fails", async () => {
      runs += 1;
      const before = await ledger();
      const [main, away] = [join(world.folder, "main"), join(world.folder, "away")];
      await rename(main, away);
      // Root is refused nothing by permissions; a file is no folder for anyone.
      await writeFile(main, "");
      try {
        expect(await told(field(base), gates.none)).toEqual(["STORE_UNAVAILABLE", "first"]);
      } finally {
        await rm(main);
        await rename(away, main);
      }
      expectOnlyReserved(before, await ledger());
    });

  test("and works where nothing fails", async () => {
    runs += 1;
    const before = await ledger();
    await world.data(`mutation { first: ${field(base)} }`);
    const after = await ledger();
    if (isDry) expect(after.tables).toEqual(before.tables);
    else expect(after.tables).not.toEqual(before.tables);
  });
});
