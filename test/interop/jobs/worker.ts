/**
 * A worker of any language: it knows the service's URL and GraphQL, nothing else.
 *
 *   node worker.ts URL TABLE LOG NAME
 *
 * Each key is written to the log before its row is made. Ends when no key is left, and says what it met.
 */

import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [url = "", table = "", log = "", name = ""] = process.argv.slice(2);

interface Job {
  readonly id: string;
  readonly key: { readonly n: number };
  readonly input: object;
}

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is that of the query
  readonly data: any;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

async function ask(query: string, variables: object = {}): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}

const reserve = `mutation { reserveJob(table: ${table}, limit: 20, leaseSeconds: 4, host: "${name}", pid: ${process.pid}, version: "w1") { jobs { id key input } } }`;
const make = `mutation ($input: Create${table}Input!, $job: ID!) { create${table}(input: $input) { affected { count } } completeJob(job: $job) { rows } }`;
const heartbeat = `mutation ($jobs: [ID!]!) { heartbeatJob(jobs: $jobs, leaseSeconds: 4) { lost } }`;

let calls = 0;
const refused: string[] = [];

async function work(jobs: readonly Job[]): Promise<void> {
  for (const [at, { id, key, input }] of jobs.entries()) {
    // Not that it were needed with so little to do: that it does no harm is what is seen.
    if (at % 8 === 7) await ask(heartbeat, { jobs: jobs.slice(at).map((job) => job.id) });
    const attempt = `${name}:${process.pid}:${++calls}`;
    appendFileSync(log, `${JSON.stringify({ by: name, n: key.n, attempt })}\n`);
    const { errors } = await ask(make, { input: { ...input, madeBy: attempt }, job: id });
    for (const error of errors ?? []) refused.push(`${key.n}: ${error.extensions.code} ${error.message}`);
  }
}

process.stdout.write("ready\n");
await once(process.stdin, "data");
for (;;) {
  const { data, errors } = await ask(reserve);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  const jobs: readonly Job[] = data.reserveJob.jobs;
  await work(jobs);
  if (jobs.length > 0) continue;
  const { data: told } = await ask(`{ jobProgress(table: ${table}) { remaining } }`);
  if (told.jobProgress.remaining === 0) break;
  await sleep(200);
}
process.stdout.write(`= ${JSON.stringify({ made: calls, refused })}\n`, () => process.exit(0));
