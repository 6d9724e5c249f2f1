/** `npm run test:jobs [keys]`: DataJoint's workers and the API's on the same tables. Installs the peer into `.cache/`. Ends with `N passed, N failed`. */

import { buildService } from "../../s3/support/suite.ts";
import { installPeer } from "../python.ts";
import { compareJobs } from "./jobs.ts";

let passed = 0;
let failed = 0;

async function check(name: string, test: () => void | Promise<void>): Promise<void> {
  try {
    await test();
    passed += 1;
    process.stdout.write(`ok    ${name}\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL  ${name}\n${String(error)}\n`);
  }
}

installPeer();
buildService();
await compareJobs(check, Number(process.argv[2] ?? 1000));
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
