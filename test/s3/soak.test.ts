/** Half a minute of the soak; ten of them: `npm run test:soak`. */

import { expect, test } from "vitest";
import { soak } from "./support/soak.ts";

test("every acknowledged value is whole, and nothing else is there, through faults and deaths", {
  timeout: 180_000,
}, async () => {
  const result = await soak({ seconds: 25, seed: 20_261_121, killEverySeconds: 7 });
  expect(result.wrong).toEqual([]);
  expect(result.bucket.leftOver).toEqual([]);
  // It did something: rows were written and read, faults were met, the service died.
  expect(result.rows.acknowledged).toBeGreaterThan(5);
  expect(result.reads.whole).toBeGreaterThan(5);
  expect(result.kills).toBeGreaterThan(0);
  expect(Object.keys(result.faults).length).toBeGreaterThan(4);
});
