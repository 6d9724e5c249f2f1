/** What the database tells of objects and of the collector: the same on every replica. */

import { Gauge, type Registry } from "prom-client";
import type { Queryable } from "../db/contract.ts";
import { isServiceError } from "../errors.ts";

/** Counting all objects reads them all: once in so long will do, and where that takes too long it is left out. */
const countEveryMs = 60_000;
const timeoutMs = 5_000;

interface Sample {
  readonly labels: string;
  readonly value: number;
}

/** A gauge, and the statement whose rows are its values: labels as JSON, value. */
interface Measured {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly sql: string;
  /** Reads all objects. */
  readonly isSlow?: boolean;
}

const store = "split_part(locator, ':', 1)";

const measures: readonly Measured[] = [
  {
    name: "holdfast_objects",
    help: "Objects, counted at most once a minute; left out where that takes longer than 5 s.",
    labels: ["store"],
    sql: `SELECT json_build_object('store', ${store}) AS labels, count(*)::float8 AS value FROM holdfast.object GROUP BY ${store}`,
    isSlow: true,
  },
  {
    name: "holdfast_object_bytes",
    help: "Bytes of the objects whose size is recorded, counted at most once a minute.",
    labels: ["store"],
    sql: `SELECT json_build_object('store', ${store}) AS labels, coalesce(sum(size), 0)::float8 AS value FROM holdfast.object GROUP BY ${store}`,
    isSlow: true,
  },
  {
    name: "holdfast_objects_condemned",
    help: "Objects that nothing holds, within or after their grace.",
    labels: ["store"],
    sql: `SELECT json_build_object('store', ${store}) AS labels, count(*)::float8 AS value
      FROM holdfast.object WHERE condemned_at IS NOT NULL GROUP BY ${store}`,
  },
  {
    name: "holdfast_objects_unverified",
    help: "Objects whose bytes are not known to be good.",
    labels: ["store"],
    sql: `SELECT json_build_object('store', ${store}) AS labels, count(*)::float8 AS value
      FROM holdfast.object WHERE verified_at IS NULL GROUP BY ${store}`,
  },
  {
    name: "holdfast_tombstones",
    help: "Killed objects whose bytes are still there: queued, claimed by a worker, hidden in the trash.",
    labels: ["store", "state"],
    sql: `SELECT json_build_object('store', store, 'state', state) AS labels, count(*)::float8 AS value FROM (
        SELECT ${store} AS store, CASE WHEN hidden_at IS NOT NULL THEN 'hidden'
          WHEN claim_until > clock_timestamp() THEN 'claimed' ELSE 'queued' END AS state FROM holdfast.tombstone) t
      GROUP BY store, state`,
  },
  {
    name: "holdfast_tombstone_oldest_unhidden_seconds",
    help: "How long the oldest killed object has waited to be hidden; 0 where none waits.",
    labels: [],
    sql: `SELECT '{}'::json AS labels, coalesce(extract(epoch FROM clock_timestamp() - min(killed_at)), 0)::float8 AS value
      FROM holdfast.tombstone WHERE hidden_at IS NULL`,
  },
  {
    name: "holdfast_uploads_open",
    help: "Reserved keys of uploads that have not run out.",
    labels: [],
    sql: `SELECT '{}'::json AS labels, count(*)::float8 AS value FROM holdfast.upload WHERE expires_at > clock_timestamp()`,
  },
  {
    name: "holdfast_collector_runs",
    help: "Runs of the collector that are recorded.",
    labels: ["kind", "state"],
    sql: `SELECT json_build_object('kind', kind, 'state', state) AS labels, count(*)::float8 AS value
      FROM holdfast.collector_run GROUP BY kind, state`,
  },
  {
    name: "holdfast_collector_last_run_timestamp_seconds",
    help: "When the last run that changed something, or would have, has ended, since 1970.",
    labels: ["kind"],
    sql: `SELECT json_build_object('kind', kind) AS labels, extract(epoch FROM max(ended_at))::float8 AS value
      FROM holdfast.collector_run WHERE state = 'DONE' AND applied GROUP BY kind`,
  },
  {
    name: "holdfast_collector_doubts",
    help: "Doubts of the last run that has ended: nothing is deleted where there is one. The store is empty for all stores.",
    labels: ["store", "code"],
    sql: `SELECT json_build_object('store', coalesce(d ->> 'store', ''), 'code', d ->> 'code') AS labels, count(*)::float8 AS value
      FROM (SELECT report FROM holdfast.collector_run WHERE kind = 'COLLECT' AND state = 'DONE' ORDER BY id DESC LIMIT 1) r,
        jsonb_array_elements(CASE jsonb_typeof(report -> 'doubts') WHEN 'array' THEN report -> 'doubts' ELSE '[]' END) d
      GROUP BY d ->> 'store', d ->> 'code'`,
  },
];

/** Adds the gauges, and answers what measures them. Without a database they have no values, and `holdfast_database_up` is 0. */
export function addCollectorMetrics(
  registry: Registry,
  db: Queryable,
  warn: (error: unknown) => void,
): () => Promise<void> {
  const registers = [registry];
  const up = new Gauge({ name: "holdfast_database_up", help: "1 when the database answers.", registers });
  const gauges = measures.map(({ name, help, labels, ...measured }) => ({
    ...measured,
    gauge: new Gauge({ name, help, labelNames: [...labels], registers }),
    measuredAt: Number.NEGATIVE_INFINITY,
  }));
  const measureAll = async (): Promise<void> => {
    for (const measured of gauges) {
      if (measured.isSlow === true && performance.now() - measured.measuredAt < countEveryMs) continue;
      measured.measuredAt = performance.now();
      measured.gauge.reset();
      try {
        const { rows } = await db.query<Sample>(measured.sql, [], { timeoutMs });
        // as: every label is a text by the statement
        for (const { labels, value } of rows)
          measured.gauge.set(JSON.parse(labels) as Record<string, string>, value);
      } catch (error) {
        if (measured.isSlow !== true || !isServiceError(error, "LIMIT_EXCEEDED")) throw error;
        warn(error);
      }
    }
  };
  let running: Promise<void> | undefined;
  const measureOnce = async (): Promise<void> => {
    try {
      await measureAll();
      up.set(1);
    } catch (error) {
      up.set(0);
      for (const measured of gauges) {
        measured.gauge.reset();
        measured.measuredAt = Number.NEGATIVE_INFINITY;
      }
      warn(error);
    } finally {
      running = undefined;
    }
  };
  return () => {
    running ??= measureOnce();
    return running;
  };
}
