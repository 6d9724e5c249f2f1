/** Features of a voltage trace: spikes by threshold, rate, resting potential. */

import type { CurrentStep } from "./hodgkin-huxley.ts";

/** Peak of one spike: ms from the begin of the sweep, mV. */
export interface Spike {
  readonly timeMs: number;
  readonly peakMv: number;
}

/** What a sweep's voltage tells. */
export interface SpikeFeatures {
  readonly spikes: readonly Spike[];
  /** Spikes per second during the step. */
  readonly rateHz: number;
  /** Mean before the step, in mV. */
  readonly restingMv: number;
}

/** Potential that only spikes cross, in mV. */
const spikeThresholdMv = 0;

/** Spikes are the highest samples between an upward and the next downward crossing of the threshold. */
export function spikeFeatures(voltage: Float32Array, step: CurrentStep): SpikeFeatures {
  const spikes: Spike[] = [];
  let peak: Spike | undefined;
  voltage.forEach((mv, i) => {
    if (mv > spikeThresholdMv) {
      if (peak === undefined || mv > peak.peakMv) peak = { timeMs: i * step.stepMs, peakMv: mv };
    } else if (peak !== undefined) {
      spikes.push(peak);
      peak = undefined;
    }
  });
  const before = voltage.subarray(0, Math.round(step.onMs / step.stepMs));
  const restingMv = Math.fround(before.reduce((sum, mv) => sum + mv, 0) / before.length);
  return { spikes, rateHz: (1000 * spikes.length) / (step.offMs - step.onMs), restingMv };
}
