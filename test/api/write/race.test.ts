import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { WriteServices } from "../../../src/api/write/contract.ts";
import { outcomeOf, transactionNumber } from "../../../src/api/write/outcome.ts";
import { ServiceError } from "../../../src/errors.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Session @table {
  session: Int! @key
  count: Int
  notes: File @codec(name: "attach", store: "main")
}
`);
const create =
  "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { session } } }";
const notes = (content: string) => ({ text: { name: "n", content } });

test("bytes that were collected between staging and commit are written anew", async () => {
  await world.data(create, { input: { session: 1, notes: notes("shared") } });
  await world.data("mutation { deleteSession(key: {session: 1}) { session { session } } }");
  const { writer } = world.services.objects;
  let published = 0;
  const raced: Partial<WriteServices> = {
    objects: {
      ...world.services.objects,
      writer: {
        ...writer,
        publish: async (transaction, staged) => {
          // What the collector does between our hint and our commit.
          if (++published === 1) {
            await world.db.query('DELETE FROM lab."~object"');
            await world.db.query("DELETE FROM holdfast.object");
          }
          return writer.publish(transaction, staged);
        },
      },
    },
  };
  const answer = await world.run(
    create,
    { input: { session: 2, notes: notes("shared") } },
    { services: raced },
  );
  expect(answer.errors).toEqual([]);
  expect(published).toBe(2);
  const [row] = await world.rows("lab.session");
  const found = await readdir(join(world.folder, "main"), { recursive: true });
  expect(found).toContain(row.notes.path);
  // The key of the collected bytes is not written again.
  expect(row.notes.path).not.toBe(`_hash/lab/${row.notes.hash}`);
});

test("a lock that another transaction holds too long is a conflict, retried, then told", async () => {
  await world.data(create, { input: { session: 10, count: 1 } });
  const update = "mutation { updateSession(key: {session: 10}, set: {count: 2}) { session { count } } }";
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const other = world.db.transaction(async (transaction) => {
    await transaction.query("SELECT FROM lab.session WHERE session = 10 FOR UPDATE");
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const fast = {
    ...world.db,
    transaction: ((work, options) =>
      world.db.transaction(work, { ...options, lockTimeoutMs: 50 })) as typeof world.db.transaction,
  };
  const told = await world.run(update, {}, { services: { db: fast, limits: { rows: 10, attempts: 2 } } });
  expect(told.errors[0]?.extensions).toMatchObject({ code: "CONFLICT", retryable: true });
  const patient = world.run(update);
  held.resolve();
  await other;
  expect((await patient).errors).toEqual([]);
});

/** A database whose connection dies in the middle of the commit, before or after PostgreSQL has done it. */
function losing(when: "before" | "after", times: number): WriteServices["db"] {
  let left = times;
  return {
    ...world.db,
    transaction: async (work, options) => {
      if (left-- <= 0) return world.db.transaction(work, options);
      const lost = new ServiceError("DATABASE_UNAVAILABLE", "lost", { details: { outcome: "unknown" } });
      await world.db.transaction(async (transaction) => {
        const result = await work(transaction);
        if (when === "before") throw lost;
        return result;
      }, options);
      throw lost;
    },
  };
}

test("a commit whose reply was lost is answered as what it was", async () => {
  const services = { db: losing("after", 1) };
  const answer = await world.run(
    create,
    { input: { session: 20, notes: notes("reply lost") } },
    { services },
  );
  expect(answer.errors).toEqual([]);
  expect((await world.rows("lab.session")).filter(({ session }) => session === 20)).toHaveLength(1);
});

test("a commit that never came is tried again", async () => {
  const services = { db: losing("before", 1) };
  const answer = await world.run(
    create,
    { input: { session: 21, notes: notes("never came") } },
    { services },
  );
  expect(answer.errors).toEqual([]);
  expect((await world.rows("lab.session")).filter(({ session }) => session === 21)).toHaveLength(1);
});

test("the end of a transaction can be asked for", async () => {
  const committed = await world.db.transaction(transactionNumber);
  expect(await outcomeOf(world.db, committed)).toBe("committed");
  let aborted = "";
  await world.db
    .transaction(async (transaction) => {
      aborted = await transactionNumber(transaction);
      throw new Error("stop");
    })
    .catch(() => undefined);
  expect(await outcomeOf(world.db, aborted)).toBe("aborted");
  const running = await world.db.transaction(async (transaction) =>
    outcomeOf(world.db, await transactionNumber(transaction), { tries: 2, pauseMs: 1 }),
  );
  expect(running).toBe("unknown");
});

test("an abort before the commit writes nothing", async () => {
  const stop = new AbortController();
  stop.abort(new Error("gone"));
  const context = {
    principal: { name: "x", rights: new Set(["WRITE"] as const) },
    baseUrl: "http://x",
    signal: stop.signal,
  };
  await expect(world.run(create, { input: { session: 30 } }, { context })).rejects.toThrow("gone");
  expect((await world.rows("lab.session")).filter(({ session }) => session === 30)).toEqual([]);
});

test("requests that lock the same rows in opposite order both get through", async () => {
  await world.data(
    "mutation { a: createSession(input: {session: 41}) { session { session } } b: createSession(input: {session: 42}) { session { session } } }",
  );
  const both = (first: number, second: number) =>
    world.run(`mutation {
      a: updateSession(key: {session: ${first}}, set: {count: ${first}}) { session { count } }
      b: updateSession(key: {session: ${second}}, set: {count: ${first}}) { session { count } }
    }`);
  const answers = await Promise.all([both(41, 42), both(42, 41), both(41, 42), both(42, 41)]);
  expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
});
