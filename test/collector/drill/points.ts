/** Where a process of the drill may die or be stopped, and why it dies at no other point. */

import {
  collectorPoints as allCollectorPoints,
  filePoints,
  writePathPoints,
} from "../../../src/object/fault-points.ts";

/** Those in capitals are failures of the system, not moments. */
const isMoment = (point: string): boolean => point === point.toLowerCase();

export const writerPoints: readonly string[] = [
  ...writePathPoints.map((point) => point.replace("[n]", "[1]")),
  ...filePoints.filter(isMoment),
];
export const collectorPoints: readonly string[] = allCollectorPoints;

/** After the last look at the clock, before bytes get or leave a name: what comes late from here nothing can refuse. */
const lastMoment = "fs.EXDEV";
/** Moments at which a worker of the collector has claims. */
const claimed = [
  ...allCollectorPoints.filter((point) => /^(claim|hide|hidden|purge)\./.test(point)),
  lastMoment,
  "fs.linked",
];
/** Where processes are stopped for longer than their claims; mostly while they have one. */
export const stopPoints = {
  writer: [...writerPoints, lastMoment],
  collector: [...allCollectorPoints, ...claimed, ...claimed],
} as const;

/** Points that the product or its design name, and at which nothing is killed here. */
export const elsewhere: Readonly<Record<string, string>> = {
  "condemn.after-lock":
    "there is no such moment: one statement locks and marks, and its end is condemn.before-commit",
  "parts.begun": "a file store has no uploads by parts: test/s3/parts-faults.test.ts",
  "parts.assembled": "a file store has no uploads by parts: test/s3/parts-faults.test.ts",
  "parts.verified": "a file store has no uploads by parts: test/s3/parts-faults.test.ts",
  "backup.frozen": "a command of its own: test/backup/drill.test.ts",
  "backup.object": "a command of its own: test/backup/drill.test.ts",
  "backup.before-name": "a command of its own: test/backup/drill.test.ts",
  "restore.reserved": "a command of its own: test/backup/drill.test.ts",
  "restore.file": "a command of its own: test/backup/drill.test.ts",
  "restore.before-commit": "a command of its own: test/backup/drill.test.ts",
  "restore.committed": "a command of its own: test/backup/drill.test.ts",
  "fs.ENOSPC": "a failure, no moment: test/store/file.test.ts",
  "fs.EIO": "a failure, no moment: test/store/file.test.ts",
  "fs.EXDEV": "a failure, no moment: test/store/file.test.ts; processes are stopped there",
  "hide.truncated-copy": "a failure of the store: test/s3/collector-bytes.test.ts",
  "hide.delete-late": "processes are stopped there, as fs.EXDEV; on S3: test/s3/collector-bytes.test.ts",
  "list.dup": "a failure of the store: test/s3/collector-truth.test.ts",
  "list.skip": "a failure of the store: test/s3/collector-truth.test.ts",
  "list.early-end": "a failure of the store: test/s3/collector-truth.test.ts",
  "list.5xx": "a failure of the store: test/s3/collector-truth.test.ts",
  "pg.restart": "the drill ends PostgreSQL at random moments",
  "pg.failover": "another timeline: test/collector/doubts.test.ts",
  "pg.lock-timeout": "met wherever a stopped process holds locks; forced: test/race/scenes.ts",
  "pg.deadlock": "forced: test/race/scenes.ts",
  "clock.+25h": "test/collector/safety.test.ts",
  "clock.-1h": "test/collector/safety.test.ts",
};
