/** `npm run test:jobs [keys]`: DataJoint's workers and the API's on the same tables. Installs the peer into `.cache/`. Ends with `N passed, N failed`. */

import { buildService } from "../../s3/support/suite.ts";
import { startChecks } from "../../support/checks.ts";
import { installPeer } from "../python.ts";
import { compareJobs } from "./jobs.ts";

const { check, end } = startChecks();

installPeer();
buildService();
await compareJobs(check, Number(process.argv[2] ?? 1000));
end();
