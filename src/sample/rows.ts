/** The rows of the sample laboratory as inputs of the public API. */

import {
  axon,
  computerClock,
  type MeasuredSession,
  measurementText,
  type Preparation,
  protocolPath,
  type SessionText,
  type Simulation,
  simulationSettings,
  simulationStartedAt,
  simulationText,
} from "./laboratory.ts";
import { littleEndian } from "./little-endian.ts";

type Row = Readonly<Record<string, unknown>>;

export const preparationRows: readonly Preparation[] = [axon, computerClock];

/** Number of the simulated session. Measured ones follow. */
export const simulatedSessionId = 1;

function sessionRow(sessionId: number, preparation: Preparation, text: SessionText): Row {
  return {
    sessionId,
    preparation: { key: { preparation: preparation.preparation } },
    title: text.title,
    notes: { text: { name: text.notesName, content: text.notes } },
  };
}

export function simulatedSessionRow(): Row {
  return {
    ...sessionRow(simulatedSessionId, axon, simulationText),
    origin: "SIMULATED",
    startedAt: simulationStartedAt.toISOString(),
    settings: { json: simulationSettings },
    protocol: { path: protocolPath },
  };
}

export function measuredSessionRow({ sessionId, measurement }: MeasuredSession): Row {
  return {
    ...sessionRow(sessionId, computerClock, measurementText),
    origin: "MEASURED",
    startedAt: measurement.startedAt.toISOString(),
    settings: { json: { simulated: false, samples: measurement.steps.length } },
  };
}

export function sweepRows({ sweeps }: Simulation): Row[] {
  return sweeps.map(({ sweepIdx, step }) => ({
    session: { key: { sessionId: simulatedSessionId } },
    sweepIdx,
    current: step.current,
    stepOn: step.onMs,
    stepOff: step.offMs,
  }));
}

export function recordingRows({ sweeps }: Simulation): Row[] {
  return sweeps.map(({ sweepIdx, step, voltage }) => ({
    sweep: { key: { sessionId: simulatedSessionId, sweepIdx } },
    samplingRate: 1000 / step.stepMs,
    voltage: { base64: array("float32", voltage) },
  }));
}

export function spikeTrainRows({ sweeps }: Simulation): Row[] {
  return sweeps.map(({ sweepIdx, features }) => ({
    recording: { key: { sessionId: simulatedSessionId, sweepIdx } },
    spikeCount: features.spikes.length,
    rate: features.rateHz,
    restingPotential: features.restingMv,
    spikeTimes: {
      array: {
        dtype: "float64",
        shape: [features.spikes.length],
        data: features.spikes.map(({ timeMs }) => timeMs),
      },
    },
    spikes: features.spikes.map(({ timeMs, peakMv }, spikeIdx) => ({ spikeIdx, time: timeMs, peak: peakMv })),
  }));
}

export function clockTraceRow({ sessionId, measurement }: MeasuredSession): Row {
  return {
    session: { key: { sessionId } },
    samples: measurement.steps.length,
    medianStep: measurement.medianNs,
    longestStep: measurement.longestNs,
    histogram: { json: { edges: measurement.edges, counts: measurement.counts } },
    steps: { base64: array("uint32", measurement.steps) },
  };
}

function array(dtype: "float32" | "uint32", values: Float32Array | Uint32Array): Row {
  return { dtype, shape: [values.length], data: Buffer.from(littleEndian(values)).toString("base64") };
}
