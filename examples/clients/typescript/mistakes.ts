/** What the compiler must refuse. Each mark fails the check when the line below it is fine. Never run. */

import { ask } from "./ask.ts";
import { graphql } from "./graphql.ts";

const url = "http://127.0.0.1:4000/graphql";
const session = graphql(`
  query ($subjectId: BigInt!, $sessionIdx: Int!) {
    session(subjectId: $subjectId, sessionIdx: $sessionIdx) { ticks quality gain }
  }
`);
const create = graphql(`
  mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { sessionIdx } } }
`);
const list = graphql(`
  query ($orderBy: [SessionOrderBy!]) { sessions(orderBy: $orderBy) { totalCount } }
`);

// @ts-expect-error A 64-bit integer is text: a number may have lost digits already.
await ask(url, session, { subjectId: 12, sessionIdx: 0 });
// @ts-expect-error A variable is missing.
await ask(url, session, { subjectId: "1" });
// @ts-expect-error A variable is misspelt.
await ask(url, session, { subjectId: "1", sessionIndex: 0 });

const answer = await ask(url, session, { subjectId: "1", sessionIdx: 0 });
// @ts-expect-error There may be no such session.
answer.session.ticks;
// @ts-expect-error The document does not select it.
answer.session?.comment;
// @ts-expect-error There is no such quality.
answer.session?.quality === "EXCELLENT";
// @ts-expect-error NaN and the infinities are text: a number is to be made of it first.
Math.abs(answer.session?.gain ?? 0);

const row = { subject: { key: { subjectId: "1" } }, sessionIdx: 1, startedAt: "2026-05-01T04:30:00Z" };
// @ts-expect-error A field that must be given is not.
await ask(url, create, { input: row });
// @ts-expect-error There is no such field.
await ask(url, create, { input: { ...row, quality: "GOOD", colour: "red" } });
// @ts-expect-error An array is given in one of three ways; here in none.
await ask(url, create, { input: { ...row, quality: "GOOD", trace: {} } });
// @ts-expect-error Each entry of an order has one field, and a direction.
await ask(url, list, { orderBy: [{ startedAt: "LATEST" }] });
