/** What a service does by itself: the tasks it runs, by its settings. */

import type { Logger } from "pino";
import type { Collector } from "../../collector/contract.ts";
import type { PostgresDatabase } from "../../db/database.ts";
import { collectTask, expireTask, fsckTask } from "../../job/tasks.ts";
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
  readonly collector: Pick<Collector, "collect" | "fsck">;
}

/** Begins to run them, some seconds from now; a process that only serves runs none. */
export function openJobs(sources: JobSources): Jobs {
  const { settings, db, logger } = sources;
  const { isOn, schedules } = settings.jobs;
  const tasks = isOn ? tasksOf(sources) : {};
  return startJobs({ db, prepared: settings.prepared, tasks, schedules, log: logger });
}

function tasksOf({ db, logger, model, collector }: JobSources) {
  return {
    expire: expireTask({ db, model, version: packageVersion() }, logger),
    collect: collectTask(collector, logger),
    fsck: fsckTask(collector, logger),
  };
}
