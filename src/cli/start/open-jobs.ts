/** What a service does by itself: the tasks it runs, by its settings. */

import type { Logger } from "pino";
import type { PostgresDatabase } from "../../db/database.ts";
import { expireTask } from "../../job/tasks.ts";
import { type Jobs, startJobs } from "../../job/worker.ts";
import type { Model } from "../../model/model.ts";
import type { Settings } from "../settings.ts";
import { packageVersion } from "../version.ts";

/** What the tasks stand on. */
export interface JobSources {
  readonly settings: Settings;
  readonly db: PostgresDatabase;
  readonly logger: Logger;
  /** The one that is served. */
  model(): Model;
}

/** Begins to run them, some seconds from now; a process that only serves runs none. */
export function openJobs({ settings, db, logger, model }: JobSources): Jobs {
  const { isOn, schedules } = settings.jobs;
  const tasks = { expire: expireTask({ db, model, version: packageVersion() }, logger) };
  return startJobs({ db, prepared: settings.prepared, tasks: isOn ? tasks : {}, schedules, log: logger });
}
