/**
 * The squid giant axon under current clamp.
 *
 * @source A. L. Hodgkin and A. F. Huxley, "A quantitative description of membrane current and its application to conduction and
 * excitation in nerve", J. Physiol. 117 (1952) 500–544; in the present convention of sign, with rest at −65 mV.
 */

import { exponential } from "./exponential.ts";

/** Constants of the membrane: µF/cm², mS/cm², mV. */
export const membrane = {
  capacitance: 1,
  gNa: 120,
  gK: 36,
  gLeak: 0.3,
  eNa: 50,
  eK: -77,
  eLeak: -54.387,
} as const;

/** One current step: times in ms, current density in µA/cm². */
export interface CurrentStep {
  readonly current: number;
  readonly onMs: number;
  readonly offMs: number;
  readonly samples: number;
  readonly stepMs: number;
}

type State = readonly [v: number, m: number, h: number, n: number];

/** x / (1 − e^(−x)) with its limit 1 at zero. */
function vtrap(x: number): number {
  return Math.abs(x) < 1e-6 ? 1 + x / 2 : x / (1 - exponential(-x));
}

function derivative([v, m, h, n]: State, current: number): State {
  const { capacitance, gNa, gK, gLeak, eNa, eK, eLeak } = membrane;
  const ionic = gNa * m * m * m * h * (v - eNa) + gK * n * n * n * n * (v - eK) + gLeak * (v - eLeak);
  const alphaM = vtrap((v + 40) / 10);
  const betaM = 4 * exponential(-(v + 65) / 18);
  const alphaH = 0.07 * exponential(-(v + 65) / 20);
  const betaH = 1 / (1 + exponential(-(v + 35) / 10));
  const alphaN = 0.1 * vtrap((v + 55) / 10);
  const betaN = 0.125 * exponential(-(v + 65) / 80);
  return [
    (current - ionic) / capacitance,
    alphaM * (1 - m) - betaM * m,
    alphaH * (1 - h) - betaH * h,
    alphaN * (1 - n) - betaN * n,
  ];
}

function along(state: State, slope: State, dt: number): State {
  return [
    state[0] + dt * slope[0],
    state[1] + dt * slope[1],
    state[2] + dt * slope[2],
    state[3] + dt * slope[3],
  ];
}

function rungeKutta(state: State, current: number, dt: number): State {
  const a = derivative(state, current);
  const b = derivative(along(state, a, dt / 2), current);
  const c = derivative(along(state, b, dt / 2), current);
  const d = derivative(along(state, c, dt), current);
  const mean = (i: 0 | 1 | 2 | 3) => (a[i] + 2 * b[i] + 2 * c[i] + d[i]) / 6;
  return along(state, [mean(0), mean(1), mean(2), mean(3)], dt);
}

/** Rest at −65 mV, gates at their steady state. */
const rest: State = [-65, 0.0529324852572496, 0.5961207535084603, 0.3176769140606974];

/**
 * Membrane potential during a step of current.
 * @shape [samples] @units mV, one value every `stepMs`
 */
export function simulateSweep(step: CurrentStep): Float32Array {
  const voltage = new Float32Array(step.samples);
  let state = rest;
  for (let i = 0; i < step.samples; i++) {
    voltage[i] = state[0];
    const time = i * step.stepMs;
    const current = time >= step.onMs && time < step.offMs ? step.current : 0;
    state = rungeKutta(state, current, step.stepMs);
  }
  return voltage;
}
