/**
 * What every row of the sample laboratory must decode to, computed before anything is inserted: another implementation that reads the
 * tables is held against this. Layout: schema → table → `{primary_key, rows: [{values}]}`.
 */

import {
  axon,
  computerClock,
  type MeasuredSession,
  measurementText,
  protocolPath,
  protocolText,
  type SessionText,
  type Simulation,
  simulationSettings,
  simulationStartedAt,
  simulationText,
} from "./laboratory.ts";
import { littleEndian } from "./little-endian.ts";
import { movieShape, zarrFiles } from "./movie.ts";
import { absent, array, bytes, float, fromJson, moment, type Neutral, text, whole } from "./neutral.ts";
import { preparationRows, simulatedSessionId } from "./rows.ts";

type Values = Readonly<Record<string, Neutral>>;
interface Table {
  readonly primary_key: readonly string[];
  readonly rows: readonly { readonly values: Values }[];
}

const utf8 = (value: string) => new TextEncoder().encode(value);
const table = (primary_key: readonly string[], rows: readonly Values[]): Table => ({
  primary_key,
  rows: rows.map((values) => ({ values })),
});

/** The expectation for the simulated session and any number of measured ones. */
export function expectedRows(simulation: Simulation, measured: readonly MeasuredSession[]): unknown {
  const session = { session_id: whole(simulatedSessionId) };
  return {
    schemas: {
      lab: {
        "#preparation": table(
          ["preparation"],
          preparationRows.map((row) => ({
            preparation: text(row.preparation),
            description: text(row.description),
            source: row.source === null ? absent : text(row.source),
          })),
        ),
        session: table(["session_id"], [simulatedSession(session), ...measured.map(measuredSession)]),
        sweep: table(
          ["session_id", "sweep_idx"],
          simulation.sweeps.map(({ sweepIdx, step }) => ({
            ...session,
            sweep_idx: whole(sweepIdx),
            current: float(step.current),
            step_on: float(step.onMs),
            step_off: float(step.offMs),
          })),
        ),
        _recording: recordings(simulation, session),
        __spike_train: spikeTrains(simulation, session),
        __spike_train__spike: spikes(simulation, session),
        _movie: table(["session_id"], [movie(simulation, session)]),
        _clock_trace: table(["session_id"], measured.map(clockTrace)),
      },
    },
  };
}

function attached({ notesName, notes }: SessionText): Neutral {
  return { t: "attach", filename: notesName, content: bytes(utf8(notes)) };
}

function simulatedSession(session: Values): Values {
  const protocol = utf8(protocolText);
  return {
    ...session,
    preparation: text(axon.preparation),
    origin: text("simulated"),
    title: text(simulationText.title),
    started_at: moment(simulationStartedAt),
    settings: fromJson(simulationSettings),
    notes: attached(simulationText),
    protocol: {
      t: "filepath",
      path: protocolPath,
      size: protocol.length,
      is_dir: false,
      content: bytes(protocol),
    },
  };
}

function measuredSession({ sessionId, measurement }: MeasuredSession): Values {
  return {
    session_id: whole(sessionId),
    preparation: text(computerClock.preparation),
    origin: text("measured"),
    title: text(measurementText.title),
    started_at: moment(measurement.startedAt),
    settings: fromJson({ simulated: false, samples: measurement.steps.length }),
    notes: attached(measurementText),
    protocol: absent,
  };
}

function npy(dtype: string, name: string, values: Float32Array | Uint32Array): Neutral {
  const shape = [values.length];
  const data = littleEndian(values);
  return {
    t: "npy",
    meta_dtype: name,
    meta_shape: shape,
    file_dtype: dtype,
    fortran_order: false,
    array: array(dtype, shape, data),
  };
}

function recordings({ sweeps }: Simulation, session: Values): Table {
  return table(
    ["session_id", "sweep_idx"],
    sweeps.map(({ sweepIdx, step, voltage }) => ({
      ...session,
      sweep_idx: whole(sweepIdx),
      sampling_rate: float(1000 / step.stepMs),
      voltage: npy("<f4", "float32", voltage),
    })),
  );
}

function spikeTrains({ sweeps }: Simulation, session: Values): Table {
  return table(
    ["session_id", "sweep_idx"],
    sweeps.map(({ sweepIdx, features }) => ({
      ...session,
      sweep_idx: whole(sweepIdx),
      spike_count: whole(features.spikes.length),
      rate: float(features.rateHz),
      resting_potential: float(shortestFloat32(features.restingMv)),
      spike_times: array(
        "<f8",
        [features.spikes.length],
        littleEndian(Float64Array.from(features.spikes, (spike) => spike.timeMs)),
      ),
    })),
  );
}

/** A float32 column is read as the float64 of its shortest decimal text. */
function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function spikes({ sweeps }: Simulation, session: Values): Table {
  const rows = sweeps.flatMap(({ sweepIdx, features }) =>
    features.spikes.map((spike, i) => ({
      ...session,
      sweep_idx: whole(sweepIdx),
      spike_idx: whole(i),
      time: float(spike.timeMs),
      peak: float(spike.peakMv),
    })),
  );
  return table(["session_id", "sweep_idx", "spike_idx"], rows);
}

function movie(simulation: Simulation, session: Values): Values {
  const files = zarrFiles(simulation.movie);
  return {
    ...session,
    frame_rate: float(movieShape.frameRateHz),
    frames: whole(movieShape.frames),
    height: whole(movieShape.height),
    width: whole(movieShape.width),
    movie: {
      t: "object",
      is_dir: true,
      ext: ".zarr",
      size: files.reduce((sum, file) => sum + file.bytes.length, 0),
      item_count: files.length,
      files: files.map((file) => [file.path, bytes(file.bytes)]),
    },
  };
}

function clockTrace({ sessionId, measurement }: MeasuredSession): Values {
  return {
    session_id: whole(sessionId),
    samples: whole(measurement.steps.length),
    median_step: float(measurement.medianNs),
    longest_step: float(measurement.longestNs),
    histogram: fromJson({ edges: measurement.edges, counts: measurement.counts }),
    steps: npy("<u4", "uint32", measurement.steps),
  };
}
