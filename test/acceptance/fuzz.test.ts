/** The fuzz of `fuzz/run.ts` in short: what is known to be costly, and requests of a fixed seed. Times are not looked at. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { faultOf } from "./fuzz/judge.ts";
import { Random } from "./fuzz/random.ts";
import { anyRequest, costlyRequests } from "./fuzz/requests.ts";
import { Place } from "./support/place.ts";

const place = new Place();
let before: unknown;

beforeAll(async () => {
  await place.start();
  before = await place.known();
});

afterAll(() => place.close());

it.each(costlyRequests().map((sent) => [sent.name, sent] as const))("answers %s", async (_, sent) => {
  expect(await faultOf(place.url, sent)).toBeUndefined();
});

it("answers 200 requests that no client means, and lives on with its rows as they were", async () => {
  const random = new Random(20_261_121);
  const faults: unknown[] = [];
  for (let n = 0; n < 200; n++) {
    const sent = anyRequest(random);
    const fault = await faultOf(place.url, sent);
    if (fault !== undefined) faults.push([sent.name, fault, sent.bytes.toString("latin1").slice(0, 1000)]);
  }
  expect(faults).toEqual([]);
  expect(place.service.child.exitCode).toBeNull();
  expect(await place.known()).toEqual(before);
});
