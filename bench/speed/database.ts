/** The rows that all contenders serve: tables made by Holdfast, values put into its store, rows multiplied by SQL. */

import { Client } from "pg";
import { rows } from "./workload.ts";

/** Trials whose values really go through the store; the others refer to the same objects. */
const templates = 50;

/** Fills the tables that Holdfast has made, and analyzes them. `graphql` sends a request to Holdfast. */
export async function fill(
  url: string,
  graphql: (query: string, variables: unknown) => Promise<unknown>,
): Promise<void> {
  await graphql(`mutation Templates($rows: [CreateTrialInput!]!) { createTrials(rows: $rows) { count } }`, {
    rows: Array.from({ length: templates }, (_, n) => template(n)),
  });
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    // Every locator is held already by its template, so the triggers and the foreign keys would find nothing to do.
    await client.query("SET session_replication_role = replica");
    await client.query(
      "CREATE TEMP TABLE template AS SELECT row_number() OVER (ORDER BY trial_id) - 1 AS n, waveform, features FROM speed.trial",
    );
    await client.query("DELETE FROM speed.trial; DELETE FROM speed.session; DELETE FROM speed.subject");
    await client.query(`INSERT INTO speed.subject (subject_id, cohort, name, species, weight)
      SELECT s, (s - 1) / (${rows.subjects} / ${rows.cohorts}) + 1, 'subject ' || s, (ARRAY['mouse', 'rat', 'zebra finch', 'squid'])[s % 4 + 1], (s * 37 % 1000) / 8.0
      FROM generate_series(1, ${rows.subjects}) s`);
    await client.query(`INSERT INTO speed.session (session_id, subject_id, room, title, started_at, temperature)
      SELECT e, (e - 1) / (${rows.sessions} / ${rows.subjects}) + 1, e * 7 % ${rows.rooms} + 1, 'session ' || e || ', a title of usual length',
        timestamp '2026-01-01' + e * interval '1 hour 7 minutes 3 seconds', 20 + e % 64 / 16.0
      FROM generate_series(1, ${rows.sessions}) e`);
    await client.query(`INSERT INTO speed.trial (trial_id, session_id, stimulus, score, correct, waveform, features)
      SELECT t, (t - 1) / (${rows.trials} / ${rows.sessions}) + 1, 'stimulus ' || t % 40, (t % 1024) / 32.0, t % 3 <> 0, waveform, features
      FROM generate_series(1, ${rows.trials}) t JOIN template ON n = t % ${templates} ORDER BY t`);
    await client.query("VACUUM ANALYZE speed.subject; ");
    await client.query("VACUUM ANALYZE speed.session");
    await client.query("VACUUM ANALYZE speed.trial");
  } finally {
    await client.end();
  }
}

/** Empties the table of the bulk create, so that every round meets the same one. */
export async function emptyReadings(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("TRUNCATE speed.reading");
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
}

/** A trial with a waveform of its own length and features of its own content, in a subject and a session of its own where it is the first. */
function template(n: number): unknown {
  const id = n + 1;
  const owner = { subjectId: id, cohort: 1, name: "template", species: "none", weight: 1 };
  return {
    trialId: id,
    session: {
      create: {
        sessionId: id,
        subject: { create: owner },
        room: 1,
        title: "template",
        startedAt: "2026-01-01T00:00:00Z",
        temperature: 20,
      },
    },
    stimulus: "template",
    score: 1,
    correct: true,
    waveform: {
      values: { dtype: "float32", shape: [8 + n], data: Array.from({ length: 8 + n }, (_, i) => i / 4) },
    },
    features: { json: { rate: n + 0.5, spikes: n } },
  };
}
