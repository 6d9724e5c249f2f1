/** The sample laboratory as data, before anything is written: simulated sessions and measured ones. */

import type { ClockMeasurement } from "./clock.ts";
import { type CurrentStep, membrane, simulateSweep } from "./hodgkin-huxley.ts";
import { renderMovie } from "./movie.ts";
import { type SpikeFeatures, spikeFeatures } from "./spikes.ts";

export interface SweepData {
  readonly sweepIdx: number;
  readonly step: CurrentStep;
  /** @shape [samples] @units mV */
  readonly voltage: Float32Array;
  readonly features: SpikeFeatures;
}

/** The simulated session: 12 sweeps and a movie made of their spikes. */
export interface Simulation {
  readonly sweeps: readonly SweepData[];
  /** @shape [frame, y, x] */
  readonly movie: Uint16Array;
}

export interface Preparation {
  readonly preparation: string;
  readonly description: string;
  readonly source: string | null;
}

export const axon: Preparation = {
  preparation: "squid giant axon",
  description: "Simulated: the Hodgkin–Huxley model under current clamp, 6.3 °C",
  source: "Hodgkin & Huxley, J. Physiol. 117 (1952) 500–544",
};

export const computerClock: Preparation = {
  preparation: "clock of this computer",
  description: "Measured: successive readings of the monotonic clock",
  source: null,
};

/** What the row of a session holds besides its references. */
export interface SessionText {
  readonly title: string;
  readonly notesName: string;
  readonly notes: string;
}

export const simulationText: SessionText = {
  title: "Current steps into a simulated axon",
  notesName: "notes.txt",
  notes: "SIMULATED. 12 steps of 400 ms, −2 to 20 µA/cm². Single spikes from 4, trains from 8 µA/cm².\n",
};

export const measurementText: SessionText = {
  title: "Jitter of this computer's clock",
  notesName: "notes.txt",
  notes: "MEASURED. 200 000 successive steps of the monotonic clock, taken on this computer.\n",
};

/** When the simulated session "took place": fixed, as all of it is. */
export const simulationStartedAt = new Date("1952-03-10T09:00:00Z");

/** Parameters as kept in the row of the simulated session. */
export const simulationSettings = { simulated: true, method: "Runge-Kutta 4", stepMs: 0.02, ...membrane };

/** Path of the protocol file below the store, put there before the sample is loaded. */
export const protocolPath = "sample/protocol.txt";

export const protocolText = `Current-clamp protocol of the sample laboratory
50 ms rest, 400 ms step, 50 ms rest; steps of 2 µA/cm² from −2 to 20 µA/cm²; 50 kHz.
This file is yours: Holdfast refers to it and never changes or deletes it.
`;

/** Runs the model: 12 sweeps of 25,000 samples, and the movie. Takes well under a second. */
export function simulate(): Simulation {
  const sweeps = Array.from({ length: 12 }, (_, k) => {
    const step: CurrentStep = { current: 2 * k - 2, onMs: 50, offMs: 450, samples: 25_000, stepMs: 0.02 };
    const voltage = simulateSweep(step);
    return { sweepIdx: k + 1, step, voltage, features: spikeFeatures(voltage, step) };
  });
  return {
    sweeps,
    movie: renderMovie(sweeps.map(({ features }) => features.spikes.map(({ timeMs }) => timeMs))),
  };
}

/** A measured session under its number. */
export interface MeasuredSession {
  readonly sessionId: number;
  readonly measurement: ClockMeasurement;
}
