/** Jobs through the API: made, reserved, kept, ended. */

import { expect, test } from "vitest";
import { openJobs } from "./laboratory.ts";

const lab = await openJobs();

test("go from the keys of the references to rows, each once", async () => {
  expect(await lab.progress()).toMatchObject({ pending: 0, total: 8, done: 0, remaining: 8 });
  expect(await lab.jobs()).toEqual([]);
  expect(await lab.refresh()).toEqual({ added: 8, removed: 0, returned: 0 });
  expect(await lab.refresh()).toEqual({ added: 0, removed: 0, returned: 0 });
  const [job] = await lab.reserve(', host: "h", pid: 7, version: "v1"');
  expect(job).toEqual({});
});
