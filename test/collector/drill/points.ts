/** Where a process of the drill may die. */

import {
  collectorPoints as allCollectorPoints,
  filePoints,
  writePathPoints,
} from "../../../src/object/fault-points.ts";

export const writerPoints: readonly string[] = [
  ...writePathPoints.map((point) => point.replace("[n]", "[1]")),
  // Those in capitals are failures of the system, not moments.
  ...filePoints.filter((point) => point === point.toLowerCase()),
];
export const collectorPoints: readonly string[] = allCollectorPoints;
