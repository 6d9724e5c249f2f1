/** On a terminal each save of the schema file or the extension is checked, planned and applied while the version before it serves. */

import { errorTable, isServiceError } from "../../errors.ts";
import type { Service } from "../../main.ts";
import { describeChanges, describePending } from "./describe-changes.ts";
import type { Followed } from "./engine.ts";
import { extensionPaths } from "./find-extension.ts";
import { type Watch, watchSchema } from "./watch-schema.ts";

/** Follows the files from when the answer is ready. */
export function followSchema(service: Service, say: (text: string) => void): Watch {
  const { engine, settings, logger } = service;
  const path = settings.schemaPath;
  const extensions = extensionPaths(settings);
  const told = (error: unknown) => {
    if (isServiceError(error) && errorTable[error.code].exposed) return error.message;
    logger.error({ err: error }, "following the schema file");
    return "Something unforeseen happened; the log has it.";
  };
  return watchSchema([path, ...extensions], {
    failed: (error) =>
      say(`${path} cannot be watched (${String(error)}); after a change run: holdfast apply`),
    changed: async (saved) => {
      const extension = saved.find((one) => extensions.includes(one));
      try {
        for (const line of followedText(path, await engine.follow(), extension)) say(line);
      } catch (error) {
        const wrong = saved.includes(path) ? path : (extension ?? path);
        say(`${told(error)}\nThe schema before it keeps serving. Correct ${wrong} and save it again.`);
      }
    },
  });
}

function followedText(path: string, followed: Followed, extension?: string): string[] {
  if (!followed.applied)
    return [
      `${path} was saved, and is not applied:`,
      ...describePending(followed.plan),
      "Until then the schema before it keeps serving.",
    ];
  if (!followed.changed && followed.plan.changes.length === 0)
    return extension === undefined ? [] : [`Now serving ${extension} as saved.`];
  return [...describeChanges(followed), `Now serving ${path} as saved.`];
}
