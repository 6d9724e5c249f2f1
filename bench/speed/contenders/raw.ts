/** The ceiling: node:http and one hand-written, prepared statement a request, whose JSON text goes out as it is. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Pool } from "pg";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"], max: 20 });

const session = (table: string) =>
  `${table}.session_id AS "sessionId", ${table}.room, ${table}.title, ${table}.started_at AS "startedAt", ${table}.temperature`;

/** Each level is paged before its rows are turned into JSON, so that PostgreSQL does nothing for rows beyond the page. */
const tree = (
  codecs: string,
) => `SELECT json_build_object('subjects', (SELECT coalesce(json_agg(row_to_json(s)), '[]') FROM (
  SELECT s.subject_id AS "subjectId", s.name, s.species, s.weight, (SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM (
    SELECT e.session_id AS "sessionId", e.title, e.started_at AS "startedAt", (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM (
      SELECT t.trial_id AS "trialId", t.stimulus, t.score, t.correct${codecs}
      FROM (SELECT * FROM speed.trial t WHERE t.session_id = e.session_id ORDER BY t.trial_id LIMIT 5) t) t) AS trials
    FROM (SELECT * FROM speed.session e WHERE e.subject_id = s.subject_id ORDER BY e.session_id LIMIT 5) e) e) AS sessions
  FROM (SELECT * FROM speed.subject s WHERE s.cohort = $1 ORDER BY s.subject_id LIMIT 10) s) s)) AS data`;

const codecs = `,
  json_build_object('dtype', t.waveform ->> 'dtype', 'shape', t.waveform -> 'shape', 'sizeBytes', t.waveform ->> 'size') AS waveform,
  json_build_object('kind', t.features ->> 'kind', 'sizeBytes', t.features ->> 'size') AS features`;

const reads: Readonly<Record<string, { readonly text: string; readonly variable: string }>> = {
  row: {
    text: `SELECT json_build_object('session', (SELECT row_to_json(s) FROM (SELECT ${session("s")} FROM speed.session s WHERE s.session_id = $1) s)) AS data`,
    variable: "id",
  },
  list: {
    text: `SELECT json_build_object('sessions', coalesce(json_agg(row_to_json(s)), '[]')) AS data FROM (
      SELECT ${session("s")} FROM speed.session s WHERE s.room = $1 ORDER BY s.started_at DESC, s.session_id LIMIT 50) s`,
    variable: "room",
  },
  tree: { text: tree(""), variable: "cohort" },
  codecs: { text: tree(codecs), variable: "cohort" },
};

/** JSON leaves the database as text: nobody parses it here. */
const asText = { getTypeParser: () => (value: string) => value };

interface Reading {
  readonly readingId: number;
  readonly channel: number;
  readonly label: string;
  readonly value: number;
  readonly takenAt: string;
  readonly valid: boolean;
}

async function create(rows: readonly Reading[]): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rowCount } = await client.query({
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
    await client.query("COMMIT");
    return `{"createReadings":{"count":${rowCount}}}`;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function answer(query: string, variables: Readonly<Record<string, unknown>>): Promise<string> {
  const read = reads[query];
  // Only this benchmark calls: the shape is that of `workload.ts`.
  if (read === undefined) return create(variables["rows"] as readonly Reading[]);
  const { rows } = await pool.query<{ data: string }>({
    name: query,
    text: read.text,
    values: [variables[read.variable]],
    types: asText,
  });
  return rows[0]?.data ?? "null";
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { query, variables } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  const body = `{"data":${await answer(query, variables)}}`;
  response.writeHead(200, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

const server = createServer((request, response) => {
  respond(request, response).catch((error: unknown) => {
    response.writeHead(500).end(String(error));
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null)
    process.stdout.write(`${JSON.stringify({ event: "ready", url: `http://127.0.0.1:${address.port}` })}\n`);
});
