/** `npm run test:kinds`: DataJoint reads a value of every type and codec. Installs the peer into `.cache/`. Ends with `N passed, N failed`. */

import { buildService } from "../../s3/support/suite.ts";
import { startChecks } from "../../support/checks.ts";
import { installPeer } from "../python.ts";
import { compareKinds } from "./kinds.ts";

const { check, end } = startChecks();
installPeer();
buildService();
await compareKinds(check);
end();
