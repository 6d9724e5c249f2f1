/** Loads the sample laboratory through the public API. May be repeated: what is there already is left alone. */

import { type Endpoint, put, request } from "../client/request.ts";
import type { MeasuredSession, Simulation } from "./laboratory.ts";
import { movieShape, zarrFiles } from "./movie.ts";
import {
  clockTraceRow,
  measuredSessionRow,
  preparationRows,
  recordingRows,
  simulatedSessionId,
  simulatedSessionRow,
  spikeTrainRows,
  sweepRows,
} from "./rows.ts";

/** Told after each step: `done` of `total`, and what comes next. */
export type Progress = (done: number, total: number, next: string) => void;

type Step = readonly [name: string, run: () => Promise<void>];

/** Loads the simulated session. */
export async function loadSimulation(
  endpoint: Endpoint,
  simulation: Simulation,
  progress: Progress,
): Promise<void> {
  const recordings = recordingRows(simulation);
  const steps: Step[] = [
    ["preparations", () => create(endpoint, "Preparation", preparationRows)],
    ["session", () => create(endpoint, "Session", [simulatedSessionRow()])],
    ["sweeps", () => create(endpoint, "Sweep", sweepRows(simulation))],
    ...pairs(recordings).map(
      (rows, i): Step => [
        `recordings ${2 * i + 1} and ${2 * i + 2}`,
        () => create(endpoint, "Recording", rows),
      ],
    ),
    ["spike trains", () => create(endpoint, "SpikeTrain", spikeTrainRows(simulation))],
    ["movie", () => loadMovie(endpoint, simulation.movie)],
  ];
  await run(steps, progress);
}

/** Loads one measured session. */
export async function loadMeasurement(
  endpoint: Endpoint,
  session: MeasuredSession,
  progress: Progress,
): Promise<void> {
  await run(
    [
      ["preparations", () => create(endpoint, "Preparation", preparationRows)],
      ["session", () => create(endpoint, "Session", [measuredSessionRow(session)])],
      ["clock trace", () => create(endpoint, "ClockTrace", [clockTraceRow(session)])],
    ],
    progress,
  );
}

/** Number for a new session: one above the highest. */
export async function nextSessionId(endpoint: Endpoint): Promise<number> {
  const data = await request<{ sessions: { nodes: { sessionId: number }[] } }>(
    endpoint,
    "{ sessions(first: 1, orderBy: [{sessionId: DESC}]) { nodes { sessionId } } }",
  );
  return Math.max(simulatedSessionId, data.sessions.nodes[0]?.sessionId ?? 0) + 1;
}

async function run(steps: readonly Step[], progress: Progress): Promise<void> {
  for (const [done, [name, step]] of steps.entries()) {
    progress(done, steps.length, name);
    await step();
  }
  progress(steps.length, steps.length, "");
}

function pairs<T>(values: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(values.length / 2) }, (_, i) => values.slice(2 * i, 2 * i + 2));
}

const plural: Readonly<Record<string, string>> = {
  Preparation: "Preparations",
  Session: "Sessions",
  Sweep: "Sweeps",
  Recording: "Recordings",
  SpikeTrain: "SpikeTrains",
  ClockTrace: "ClockTraces",
  Movie: "Movies",
};

async function create(endpoint: Endpoint, type: string, rows: readonly unknown[]): Promise<void> {
  await request(
    endpoint,
    `mutation ($rows: [Create${type}Input!]!) { create${plural[type]}(rows: $rows, onConflict: SKIP) { count } }`,
    { rows },
  );
}

async function loadMovie(endpoint: Endpoint, pixels: Uint16Array): Promise<void> {
  const there = await request<{ movie: object | null }>(
    endpoint,
    "query ($id: Int!) { movie(sessionId: $id) { sessionId } }",
    {
      id: simulatedSessionId,
    },
  );
  if (there.movie !== null) return;
  const input = {
    target: { type: "Movie", field: "movie", key: { sessionId: simulatedSessionId } },
    filename: "movie.zarr",
    kind: "TREE",
  };
  const { createUpload } = await request<{ createUpload: { id: string; url: string } }>(
    endpoint,
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }",
    { input },
  );
  for (const { path, bytes } of zarrFiles(pixels))
    await put(endpoint, `${createUpload.url}/${path}`, Uint8Array.from(bytes));
  await request(endpoint, "mutation ($id: ID!) { completeUpload(id: $id) { id } }", { id: createUpload.id });
  const { frames, height, width, frameRateHz } = movieShape;
  const session = { key: { sessionId: simulatedSessionId } };
  await create(endpoint, "Movie", [
    { session, frameRate: frameRateHz, frames, height, width, movie: { upload: createUpload.id } },
  ]);
}
