/** What may happen in a run, as data that can be printed, shrunk and played again. */

import fc from "fast-check";
import { collectorPoints, writePathPoints } from "../../../src/object/fault-points.ts";
import type { Passing } from "./invariants.ts";
import type { Shape } from "./writing.ts";

/** A death or another step at a named point. */
export interface Cut {
  readonly point: string;
  readonly time: number;
  readonly act: "die" | Step;
}

export type Step =
  | {
      readonly do: "write";
      readonly to: number;
      readonly shape: Shape;
      readonly content: number;
      readonly cut?: Cut;
    }
  | { readonly do: "stage"; readonly slot: number; readonly shape: Shape; readonly content: number }
  | { readonly do: "publish"; readonly slot: number; readonly to: number }
  | { readonly do: "delete"; readonly pick: number }
  | { readonly do: "clone"; readonly pick: number; readonly to: number }
  | { readonly do: "foreignPut"; readonly slot: number; readonly content: number }
  | { readonly do: "foreignInsert"; readonly slot: number; readonly to: number }
  | {
      readonly do: "upload";
      readonly slot: number;
      readonly shape: Shape;
      readonly content: number;
      readonly until: "created" | "received" | "complete";
    }
  | { readonly do: "use"; readonly slot: number; readonly to: number }
  | { readonly do: "abort"; readonly slot: number }
  | { readonly do: "collect"; readonly cut?: Cut; readonly failing?: Failing }
  | { readonly do: "fsck"; readonly scrub: number; readonly cut?: Cut; readonly failing?: Failing }
  | { readonly do: "revive"; readonly pick: number; readonly cut?: Cut }
  | { readonly do: "age"; readonly what: Passing }
  | { readonly do: "grace"; readonly none: boolean }
  /** A foreign writer has looked, then the bytes went to the trash and drained, then it inserts. */
  | { readonly do: "late"; readonly to: number; readonly content: number }
  | { readonly do: "dryRun" };

/** The store fails at the `time`-th of these calls, before it or, `lost`, after it; and at each later one while `stays`. */
export interface Failing {
  readonly call: string;
  readonly time: number;
  readonly lost: boolean;
  readonly stays: boolean;
}

const places = 4;
export const contents: readonly Buffer[] = [
  Buffer.from("small"),
  Buffer.from("several pieces ".repeat(700)),
  Buffer.from("another ".repeat(600)),
  Buffer.alloc(0),
];

const to = fc.nat({ max: places - 1 });
const slot = fc.nat({ max: 1 });
const pick = fc.nat({ max: 20 });
const content = fc.nat({ max: contents.length - 1 });
const shape = fc.constantFrom<Shape>("hash", "hash", "schema", "tree");
const is = <const T extends string>(name: T) => fc.constant(name);

const writes = {
  stage: fc.record({ do: is("stage"), slot, shape, content }),
  publish: fc.record({ do: is("publish"), slot, to }),
  delete: fc.record({ do: is("delete"), pick }),
  clone: fc.record({ do: is("clone"), pick, to }),
  foreignPut: fc.record({ do: is("foreignPut"), slot, content }),
  foreignInsert: fc.record({ do: is("foreignInsert"), slot, to }),
  use: fc.record({ do: is("use"), slot, to }),
};

/** What others may do while a process is held at a point. */
const beside: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: is("write"), to, shape, content }),
  ...Object.values(writes),
  fc.record({ do: is("revive"), pick }),
  fc.record({ do: is("collect") }),
  fc.record({ do: is("fsck"), scrub: fc.constant(0) }),
);

function cutAt(points: readonly string[], act: fc.Arbitrary<Cut["act"]>): fc.Arbitrary<Cut> {
  return fc.record({ point: fc.constantFrom(...points), time: fc.integer({ min: 1, max: 2 }), act });
}

const die = fc.constant("die" as const);
const apiPoints = writePathPoints
  .filter((point) => point !== "publish.reply-lost")
  .map((point) => point.replace("[n]", "[1]"));
const begins = (...starts: string[]): readonly string[] =>
  collectorPoints.filter((point) => starts.some((start) => point.startsWith(start)));
const collectCut = cutAt(
  begins("release", "condemn", "kill", "claim", "hide", "hidden", "purge", "reap"),
  fc.oneof(die, beside),
);
const fsckCut = cutAt(begins("verify", "heal", "reconcile"), fc.oneof(die, beside));
const reviveCut = cutAt(begins("revive", "verify"), fc.oneof(die, beside));
const failing = fc.record({
  call: fc.constantFrom("head", "list", "copy", "move", "delete", "get"),
  time: fc.integer({ min: 1, max: 6 }),
  lost: fc.boolean(),
  stays: fc.boolean(),
});
/** Every other time. */
function sometimes<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { freq: 2, nil: undefined });
}
function step<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Step> {
  return arbitrary.map((value) => {
    const entries = Object.entries(value as object).filter(([, each]) => each !== undefined);
    return Object.fromEntries(entries) as unknown as Step;
  });
}

const age = (...what: Passing[]) => step(fc.record({ do: is("age"), what: fc.constantFrom(...what) }));
const collect = step(fc.record({ do: is("collect"), cut: sometimes(collectCut) }));
const check = step(fc.record({ do: is("fsck"), scrub: fc.constantFrom(0, 1), cut: sometimes(fsckCut) }));

/** What happens more often is there more often. */
export const steps: readonly fc.Arbitrary<Step>[] = [
  step(fc.record({ do: is("write"), to, shape, content, cut: sometimes(cutAt(apiPoints, die)) })),
  ...Object.values(writes).map((each) => step(each as fc.Arbitrary<Step>)),
  writes.delete,
  writes.delete,
  step(
    fc.record({
      do: is("upload"),
      slot,
      shape,
      content,
      until: fc.constantFrom("created", "received", "complete"),
    }),
  ),
  step(fc.record({ do: is("abort"), slot })),
  collect,
  collect,
  step(fc.record({ do: is("collect"), failing, cut: sometimes(collectCut) })),
  check,
  step(fc.record({ do: is("fsck"), scrub: fc.constant(0), failing })),
  step(fc.record({ do: is("revive"), pick, cut: sometimes(reviveCut) })),
  age("grace", "claims", "drain", "keep", "leases"),
  age("claims", "drain", "drain", "keep"),
  step(fc.record({ do: is("grace"), none: fc.constantFrom(true, true, false) })),
  step(fc.record({ do: is("late"), to, content })),
  step(fc.record({ do: is("dryRun") })),
];
