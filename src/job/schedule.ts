/** When tasks run: words, or the five fields of cron, in UTC. */

import { ServiceError } from "../errors.ts";

/** What runs by itself. */
export type TaskName = "collect" | "fsck" | "expire";

/** When one task runs. */
export interface Schedule {
  /** Minute, hour, day of the month, month, day of the week; UTC. */
  readonly cron: string;
  /** A run that was due so long ago, while no service ran, is made up for; in milliseconds. */
  readonly madeUpMs: number;
  /** Absent where the text is one of our words, and so needs no check. */
  readonly setting?: string;
}

/** Absent: never. */
export type Schedules = Readonly<Partial<Record<TaskName, Schedule>>>;

/** Whether this process runs tasks at all, and when each is due. */
export interface JobSettings {
  readonly isOn: boolean;
  readonly schedules: Schedules;
}

const hourMs = 3_600_000;

/** Not all at the same minute: each reads much. */
const tasks: readonly { task: TaskName; setting: string; usual: Word; minute: number }[] = [
  { task: "expire", setting: "HOLDFAST_EXPIRE", usual: "hourly", minute: 5 },
  { task: "collect", setting: "HOLDFAST_COLLECT", usual: "hourly", minute: 20 },
  { task: "fsck", setting: "HOLDFAST_FSCK", usual: "weekly", minute: 40 },
];

type Word = "hourly" | "daily" | "weekly";

const words: Readonly<Record<Word, (minute: number) => Schedule>> = {
  hourly: (minute) => ({ cron: `${minute} * * * *`, madeUpMs: hourMs }),
  daily: (minute) => ({ cron: `${minute} 3 * * *`, madeUpMs: 24 * hourMs }),
  weekly: (minute) => ({ cron: `${minute} 4 * * 0`, madeUpMs: 7 * 24 * hourMs }),
};

/** @throws {CONFIG_INVALID} naming the variable and what it may be. */
export function jobSettingsFrom(env: Readonly<Record<string, string | undefined>>): JobSettings {
  const given = env["HOLDFAST_JOBS"] ?? "on";
  if (given !== "on" && given !== "off") throw wrong("HOLDFAST_JOBS", given, "on or off");
  const due = tasks.flatMap(({ task, setting, usual, minute }): [TaskName, Schedule][] => {
    const text = env[setting]?.trim() ?? usual;
    if (text === "off") return [];
    return [[task, isWord(text) ? words[text](minute) : cronOf(setting, text)]];
  });
  return { isOn: given === "on", schedules: Object.fromEntries(due) };
}

function isWord(text: string): text is Word {
  return Object.hasOwn(words, text);
}

/** The fields themselves are looked at by {@link checkSchedules}. */
function cronOf(setting: string, text: string): Schedule {
  if (!/^[\d*/,-]+( +[\d*/,-]+){4}$/.test(text)) throw wrong(setting, text, expected);
  return { cron: text, madeUpMs: hourMs, setting };
}

const expected = "off, hourly, daily, weekly, or the five fields of cron in UTC, as in 30 2 * * *";

/** Looks at schedules that are not words; only then the library is loaded. @throws {CONFIG_INVALID} */
export async function checkSchedules(schedules: Schedules): Promise<void> {
  const own = Object.values(schedules).filter(({ setting }) => setting !== undefined);
  if (own.length === 0) return;
  const { parseCronItem } = await import("graphile-worker");
  for (const { cron, setting } of own) {
    try {
      parseCronItem({ task: "check", match: cron });
    } catch {
      throw wrong(setting ?? "", cron, expected);
    }
  }
}

function wrong(field: string, value: string, allowed: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", `${field} is ${JSON.stringify(value)}; it must be ${allowed}.`, {
    details: { field, value, remedy: `Set ${field} to ${allowed}.` },
  });
}
