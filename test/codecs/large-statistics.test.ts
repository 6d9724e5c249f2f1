import { expect, it } from "vitest";
import npy from "../../codecs/npy.ts";
import { largeArray } from "./large-array.ts";

const context = { field: "x", args: {}, inlineLimitBytes: 2 ** 20 };

it("statistics of 1 GB pass through little memory", async () => {
  const array = await largeArray({ 0: Number.NaN, 7: 1e6, 124999999: -3 });
  let peak = 0;
  const before = process.memoryUsage.rss();
  const look = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss() - before);
  }, 20);
  const answer = await npy.fields["statistics"]?.read?.(array.value, {}, context);
  clearInterval(look);
  const mean = (1e6 - 3) / 124_999_999;
  expect(answer).toEqual({
    ...{ count: "124999999", nanCount: "1", min: -3, max: 1e6 },
    mean: expect.closeTo(mean, 12),
    std: expect.closeTo(Math.sqrt((1e12 + 9) / 124_999_999 - mean ** 2), 9),
  });
  expect(array.ranges.length).toBeGreaterThan(200);
  expect(peak).toBeLessThan(256 * 2 ** 20);
}, 120_000);
