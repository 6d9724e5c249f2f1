/** GraphQL types of what is asked of the collector: how stores are collected, and runs. */

import { Field, Float, InputType, Int, ObjectType, registerEnumType } from "type-graphql";
import type { CollectionMode } from "../../collector/contract.ts";

export const collectionModes: Readonly<Record<string, CollectionMode>> = {
  OFF: "off",
  REPORT: "report",
  ON: "on",
  RESTORE: "restore",
};
registerEnumType(collectionModes, {
  name: "CollectionMode",
  description: "How far the collector may go in a store.",
  valuesConfig: {
    OFF: { description: "Nothing is looked at." },
    REPORT: { description: "Everything is told, nothing is done, until somebody confirms." },
    ON: { description: "What nothing refers to is removed after its grace." },
    RESTORE: {
      description:
        "The database was set back to an earlier moment: nothing is deleted until the store is confirmed.",
    },
  },
});

@ObjectType({ description: "How a store is collected." })
export class CollectionPolicy {
  @Field(() => String)
  store!: string;

  @Field(() => collectionModes)
  mode!: CollectionMode;

  @Field(() => Int, { description: "From the moment that nothing holds an object until it is killed." })
  graceSeconds!: number;

  @Field(() => Int, {
    description: "From the moment that bytes are in the trash until they are gone for good.",
  })
  keepSeconds!: number;

  @Field(() => Int, {
    description: "From the moment that bytes are in the trash until their key may be used anew.",
  })
  drainSeconds!: number;
}

@InputType({ description: "What is left out stays as it is." })
export class StorePolicyInput {
  @Field(() => String)
  store!: string;

  @Field(() => collectionModes, { nullable: true })
  mode?: CollectionMode | null;

  @Field(() => Int, { nullable: true })
  graceSeconds?: number | null;

  @Field(() => Int, { nullable: true })
  keepSeconds?: number | null;

  @Field(() => Int, { nullable: true })
  drainSeconds?: number | null;
}

@InputType({ description: "A run of the collector." })
export class CollectInput {
  @Field(() => [String], { nullable: true, description: "All configured ones unless given." })
  stores?: string[] | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "False: nothing is changed; the run tells what it would do.",
  })
  apply!: boolean;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      "Confirms what a run before has told: this version of Holdfast in these stores, and as many deletions as there are.",
  })
  confirm!: boolean;

  @Field(() => Boolean, {
    defaultValue: true,
    description: "False: answered at once, while the run is RUNNING.",
  })
  wait!: boolean;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      "Answered at once; the run waits for `collectorProgress` to take its decisions, up to 10 seconds at a time.",
  })
  follow!: boolean;
}

@InputType({ description: "A comparison of stores with the database." })
export class FsckInput {
  @Field(() => [String], { nullable: true, description: "All configured ones unless given." })
  stores?: string[] | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "True: bytes that are missing are brought back where they are kept, unknown ones adopted.",
  })
  apply!: boolean;

  @Field(() => Float, {
    defaultValue: 0,
    description: "Share of the objects whose bytes are read and digested, 0 to 1.",
  })
  scrub!: number;

  @Field(() => Boolean, {
    defaultValue: true,
    description: "False: answered at once, while the run is RUNNING.",
  })
  wait!: boolean;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      "Answered at once; the run waits for `collectorProgress` to take what it finds, up to 10 seconds at a time.",
  })
  follow!: boolean;
}
