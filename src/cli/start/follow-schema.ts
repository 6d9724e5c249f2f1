/** On a terminal each save of the schema file is checked, planned and applied while the version before it serves. */

import { errorTable, isServiceError } from "../../errors.ts";
import type { Service } from "../../main.ts";
import { describeChanges, describePending } from "./describe-changes.ts";
import type { Followed } from "./engine.ts";
import { watchSchema } from "./watch-schema.ts";

/** Answers a function that stops following. */
export function followSchema(service: Service, say: (text: string) => void): () => Promise<void> {
  const { engine, settings, logger } = service;
  const path = settings.schemaPath;
  const told = (error: unknown) => {
    if (isServiceError(error) && errorTable[error.code].exposed) return error.message;
    logger.error({ err: error }, "following the schema file");
    return "Something unforeseen happened; the log has it.";
  };
  return watchSchema(path, {
    failed: (error) =>
      say(`${path} cannot be watched (${String(error)}); after a change run: holdfast apply`),
    changed: async () => {
      try {
        for (const line of followedText(path, await engine.follow())) say(line);
      } catch (error) {
        say(`${told(error)}\nThe schema before it keeps serving. Correct ${path} and save it again.`);
      }
    },
  });
}

function followedText(path: string, followed: Followed): string[] {
  if (!followed.applied)
    return [
      `${path} was saved, and is not applied:`,
      ...describePending(followed.plan),
      "Until then the schema before it keeps serving.",
    ];
  if (!followed.changed && followed.plan.changes.length === 0) return [];
  return [...describeChanges(followed), `Now serving ${path} as saved.`];
}
