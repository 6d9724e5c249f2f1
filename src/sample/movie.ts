/**
 * A calcium-like movie: each sweep's spikes light up one cell, which fades exponentially. Written as a Zarr array.
 *
 * @shape [frame, y, x], uint16, arbitrary units of fluorescence
 * @source Zarr storage specification, version 2 (C order, no compressor, chunks of 25 frames).
 */

import { exponential } from "./exponential.ts";
import { littleEndian } from "./little-endian.ts";

/** Geometry of the movie. */
export const movieShape = { frames: 100, height: 64, width: 64, chunkFrames: 25, frameRateHz: 200 } as const;

const baseline = 200;
const brightness = 900;
const decayMs = 60;

/** Fluorescence of one cell at each frame: every spike adds one, decaying with 60 ms. */
function trace(spikeTimesMs: readonly number[]): number[] {
  return Array.from({ length: movieShape.frames }, (_, frame) => {
    const now = (frame * 1000) / movieShape.frameRateHz;
    return spikeTimesMs.reduce((sum, at) => (at > now ? sum : sum + exponential((at - now) / decayMs)), 0);
  });
}

/** Cells stand on a grid of four columns; a Gaussian of 3 pixels. */
function footprint(cell: number, y: number, x: number): number {
  const dy = y - (10 + 22 * Math.floor(cell / 4));
  const dx = x - (8 + 16 * (cell % 4));
  return exponential(-(dy * dy + dx * dx) / (2 * 3 * 3));
}

/** Noise that is the same everywhere: a linear congruential generator (Numerical Recipes), a value from 0 to 31. */
function noiseSource(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 27;
  };
}

/** @shape [100, 64, 64] */
export function renderMovie(spikeTimesByCell: readonly (readonly number[])[]): Uint16Array {
  const { frames, height, width } = movieShape;
  const traces = spikeTimesByCell.map(trace);
  const noise = noiseSource();
  const pixels = new Uint16Array(frames * height * width);
  for (let i = 0; i < pixels.length; i++) {
    const frame = Math.floor(i / (height * width));
    const y = Math.floor(i / width) % height;
    const light = traces.reduce(
      (sum, values, cell) => sum + (values[frame] ?? 0) * footprint(cell, y, i % width),
      0,
    );
    pixels[i] = Math.min(65535, Math.floor(baseline + brightness * light) + noise());
  }
  return pixels;
}

/** The movie as the files of a Zarr folder, in byte order of their paths. */
export function zarrFiles(pixels: Uint16Array): { path: string; bytes: Uint8Array }[] {
  const { frames, height, width, chunkFrames, frameRateHz } = movieShape;
  const array = {
    chunks: [chunkFrames, height, width],
    compressor: null,
    dtype: "<u2",
    fill_value: 0,
    filters: null,
    order: "C",
    shape: [frames, height, width],
    zarr_format: 2,
  };
  const attributes = { simulated: true, frame_rate_hz: frameRateHz, axes: ["frame", "y", "x"] };
  const text = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 4)}\n`);
  const chunks = Array.from({ length: frames / chunkFrames }, (_, chunk) => {
    const size = chunkFrames * height * width;
    return { path: `${chunk}.0.0`, bytes: littleEndian(pixels.subarray(chunk * size, (chunk + 1) * size)) };
  });
  return [{ path: ".zarray", bytes: text(array) }, { path: ".zattrs", bytes: text(attributes) }, ...chunks];
}
