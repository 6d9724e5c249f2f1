/** Prints the table of `docs/reference/errors.md` from the code, for pasting after a change: `node scripts/errors-page.ts`. */

import { errorTable } from "../src/errors.ts";

for (const [code, row] of Object.entries(errorTable)) {
  process.stdout.write(
    `| \`${code}\` | ${row.httpStatus} | ${row.exitCode} | ${row.retryable ? "yes" : "no"} | ${row.meaning} |\n`,
  );
}
