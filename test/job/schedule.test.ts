import { describe, expect, it } from "vitest";
import { checkSchedules, jobSettingsFrom } from "../../src/job/schedule.ts";

describe("jobSettingsFrom", () => {
  it("takes words, cron and off", () => {
    const { isOn, schedules } = jobSettingsFrom({
      HOLDFAST_JOBS: "off",
      HOLDFAST_COLLECT: "off",
      HOLDFAST_EXPIRE: " */10 8-18 * * 1,5 ",
      HOLDFAST_FSCK: "daily",
    });
    expect(isOn).toBe(false);
    expect(schedules).toEqual({
      expire: { cron: "*/10 8-18 * * 1,5", madeUpMs: 3_600_000, setting: "HOLDFAST_EXPIRE" },
      fsck: { cron: "40 3 * * *", madeUpMs: 86_400_000 },
    });
  });

  it.each([
    ["HOLDFAST_JOBS", "yes", "on or off"],
    ["HOLDFAST_COLLECT", "never", "off, hourly, daily, weekly"],
    ["HOLDFAST_COLLECT", "Hourly", "off, hourly, daily, weekly"],
    ["HOLDFAST_EXPIRE", "* * * *", "five fields of cron"],
    ["HOLDFAST_FSCK", "@reboot", "five fields of cron"],
    ["HOLDFAST_FSCK", "toString", "five fields of cron"],
    ["HOLDFAST_FSCK", "0 0 1 jan *", "five fields of cron"],
  ])("refuses %s=%s, and says what it may be", (field, value, allowed) => {
    const made = () => jobSettingsFrom({ [field]: value });
    expect(made).toThrow(`${field} is "${value}"; it must be`);
    expect(made).toThrow(allowed);
  });
});

describe("checkSchedules", () => {
  const check = (text: string) => checkSchedules(jobSettingsFrom({ HOLDFAST_FSCK: text }).schedules);

  it.each([
    "61 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "5-1 * * * *",
    "*/0 * * * *",
    "1,,2 * * * *",
  ])("refuses %s", async (text) => {
    await expect(check(text)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "HOLDFAST_FSCK" },
    });
  });

  it.each(["hourly", "0 0 1 1 *", "*/5 * * * *", "0-30 1,2 * * 7", "off"])("takes %s", async (text) => {
    await expect(check(text)).resolves.toBeUndefined();
  });
});
