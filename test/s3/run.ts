/**
 * Everything about S3 on a real S3 server, versitygw. Builds it into `.cache/` (needs Go and the network, once), then runs the tests of
 * `test/s3`. Ends with `N passed, N failed`. With CI=true a missing Go is a failure; elsewhere it is told and nothing runs.
 */

import { versitygw } from "./support/sources.ts";
import { runOn } from "./support/suite.ts";

runOn(versitygw, process.argv.slice(2));
