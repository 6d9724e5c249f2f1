/** Apollo Server as its guides have it: resolvers, a DataLoader for each relation and request, and pg. */

import { ApolloServer } from "@apollo/server";
import fastifyApollo, { fastifyApolloDrainPlugin } from "@as-integrations/fastify";
import DataLoader from "dataloader";
import fastify from "fastify";
import { Pool } from "pg";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"], max: 20 });

const typeDefs = /* GraphQL */ `
  scalar JSON
  scalar DateTime
  type Subject { subjectId: Int! cohort: Int! name: String! species: String! weight: Float! sessions(first: Int!): [Session!]! }
  type Session { sessionId: Int! room: Int! title: String! startedAt: DateTime! temperature: Float! trials(first: Int!): [Trial!]! }
  type Trial { trialId: Int! stimulus: String! score: Float! correct: Boolean! waveform: JSON features: JSON }
  input ReadingInput { readingId: Int! channel: Int! label: String! value: Float! takenAt: DateTime! valid: Boolean! }
  type Query {
    session(sessionId: Int!): Session
    sessions(first: Int!, room: Int!): [Session!]!
    subjects(first: Int!, cohort: Int!): [Subject!]!
  }
  type Mutation { createReadings(rows: [ReadingInput!]!): Int! }
`;

const subjectColumns = `subject_id AS "subjectId", cohort, name, species, weight`;
const sessionColumns = `session_id AS "sessionId", subject_id AS "subjectId", room, title, started_at AT TIME ZONE 'UTC' AS "startedAt", temperature`;
const trialColumns = `trial_id AS "trialId", session_id AS "sessionId", stimulus, score, correct, waveform, features`;

interface Session {
  readonly sessionId: number;
  readonly subjectId: number;
}
interface Trial {
  readonly sessionId: number;
}
interface Key {
  readonly parent: number;
  readonly first: number;
}

/** Children of many parents in one statement; each key's list has at most its `first`. */
function childLoader<Row>(text: string, parentOf: (row: Row) => number): DataLoader<Key, Row[], string> {
  return new DataLoader(
    async (keys) => {
      const first = Math.max(...keys.map((key) => key.first));
      const { rows } = await pool.query({
        name: text.slice(0, 60),
        text,
        values: [keys.map((key) => key.parent), first],
      });
      const found = Map.groupBy(rows as Row[], parentOf);
      return keys.map((key) => (found.get(key.parent) ?? []).slice(0, key.first));
    },
    { cacheKeyFn: (key) => `${key.parent}:${key.first}` },
  );
}

interface Context {
  readonly sessions: DataLoader<Key, Session[], string>;
  readonly trials: DataLoader<Key, Trial[], string>;
}

const sessionsOf = `SELECT s.* FROM unnest($1::int[]) p(id), LATERAL (SELECT ${sessionColumns} FROM speed.session WHERE subject_id = p.id ORDER BY session_id LIMIT $2) s`;
const trialsOf = `SELECT t.* FROM unnest($1::int[]) p(id), LATERAL (SELECT ${trialColumns} FROM speed.trial WHERE session_id = p.id ORDER BY trial_id LIMIT $2) t`;

const contextOf = async (): Promise<Context> => ({
  sessions: childLoader<Session>(sessionsOf, (row) => row.subjectId),
  trials: childLoader<Trial>(trialsOf, (row) => row.sessionId),
});

async function select(name: string, text: string, values: readonly unknown[]): Promise<unknown[]> {
  return (await pool.query({ name, text, values: [...values] })).rows;
}

interface Reading {
  readonly readingId: number;
  readonly channel: number;
  readonly label: string;
  readonly value: number;
  readonly takenAt: string;
  readonly valid: boolean;
}

async function createReadings(rows: readonly Reading[]): Promise<number> {
  const { rowCount } = await pool.query({
    name: "create",
    text: `INSERT INTO speed.reading (reading_id, channel, label, value, taken_at, valid)
      SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::float8[], $5::timestamp[], $6::bool[])`,
    values: [
      rows.map((row) => row.readingId),
      rows.map((row) => row.channel),
      rows.map((row) => row.label),
      rows.map((row) => row.value),
      rows.map((row) => row.takenAt),
      rows.map((row) => row.valid),
    ],
  });
  return rowCount ?? 0;
}

const app = fastify();
const server = new ApolloServer<Context>({
  typeDefs,
  resolvers: {
    Query: {
      session: async (_: unknown, args: { sessionId: number }) =>
        (
          await select("row", `SELECT ${sessionColumns} FROM speed.session WHERE session_id = $1`, [
            args.sessionId,
          ])
        )[0],
      sessions: (_: unknown, args: { room: number; first: number }) =>
        select(
          "list",
          `SELECT ${sessionColumns} FROM speed.session WHERE room = $1 ORDER BY started_at DESC, session_id LIMIT $2`,
          [args.room, args.first],
        ),
      subjects: (_: unknown, args: { cohort: number; first: number }) =>
        select(
          "tree",
          `SELECT ${subjectColumns} FROM speed.subject WHERE cohort = $1 ORDER BY subject_id LIMIT $2`,
          [args.cohort, args.first],
        ),
    },
    Mutation: {
      createReadings: (_: unknown, args: { rows: readonly Reading[] }) => createReadings(args.rows),
    },
    Subject: {
      sessions: (subject: { subjectId: number }, args: { first: number }, { sessions }: Context) =>
        sessions.load({ parent: subject.subjectId, first: args.first }),
    },
    Session: {
      trials: (session: Session, args: { first: number }, { trials }: Context) =>
        trials.load({ parent: session.sessionId, first: args.first }),
    },
  },
  plugins: [fastifyApolloDrainPlugin(app)],
});
await server.start();
await app.register(fastifyApollo(server), { context: contextOf });
const url = await app.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`${JSON.stringify({ event: "ready", url })}\n`);
