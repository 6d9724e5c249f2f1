/**
 * The driver's tests on a second S3 server, MinIO: the contract, the abilities, bad days, `verifyStore`. As `run.ts`, which runs all tests
 * on versitygw; those that look into that server's folder do not run here. Ends with `N passed, N failed`.
 */

import { minio } from "./support/sources.ts";
import { runOn } from "./support/suite.ts";

const tests = ["driver", "faults", "verify"].map((name) => `test/s3/${name}.test.ts`);
const only = process.argv.slice(2);
runOn(minio, only.length > 0 ? only : tests);
