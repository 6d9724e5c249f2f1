/** A hundred deaths of the drill; the long one: `npm run test:drill`. */

import { expect, test } from "vitest";
import {
  collectorPoints as allCollectorPoints,
  backupPoints,
  filePoints,
  partPoints,
  writePathPoints,
} from "../../src/object/fault-points.ts";
import { drill } from "./drill/drill.ts";
import { collectorPoints, elsewhere, writerPoints } from "./drill/points.ts";

test("processes die at every point that there is, or it is written down why not", () => {
  const named = [...writePathPoints, ...filePoints, ...partPoints, ...allCollectorPoints, ...backupPoints];
  const drilled = [...writerPoints, ...collectorPoints];
  const all = named.map((point) => point.replace("[n]", "[1]"));
  expect(all.filter((point) => !drilled.includes(point) && elsewhere[point] === undefined)).toEqual([]);
  expect(drilled.filter((point) => elsewhere[point] !== undefined)).toEqual([]);
});

test("what was acknowledged is whole, and nothing else is left, whoever dies", {
  timeout: 400_000,
}, async () => {
  const result = await drill({ seed: 20_261_121, kills: 100, stops: 3, seconds: 240, loadSeconds: 12 });
  expect(result).toMatchObject({ lost: [], dangling: [], leaked: [], wrong: [] });
  expect(result.kills).toBeGreaterThan(20);
  expect(Object.values(result.hits).filter((times) => times > 0).length).toBeGreaterThan(10);
  expect(Object.values(result.stops).length).toBeGreaterThan(1);
  expect(result.restarts).toBeGreaterThan(0);
  expect(result.acknowledged).toBeGreaterThan(50);
});

test("control: without the foreign keys of rows bytes are lost", { timeout: 120_000 }, async () => {
  const result = await drill({ seed: 20_261_121, kills: 40, seconds: 15, loadSeconds: 6, isControl: true });
  expect(result.lost.length + result.dangling.length).toBeGreaterThan(0);
});
