/** Counts the checks of a program of tests, and ends it as CI reads it. */
export interface Checks {
  /** Runs one; a failure is told, counted, and does not stop the next. */
  readonly check: (name: string, test: () => unknown) => Promise<void>;
  /** What stopped the program before its last check. */
  readonly failed: (error: unknown) => void;
  /** Writes `N passed, N failed`, and leaves with 1 if any failed. */
  readonly end: () => never;
}

/** Nothing passed and nothing failed so far. */
export function startChecks(): Checks {
  let [passes, failures] = [0, 0];
  const failed = (name: string, error: unknown): void => {
    failures += 1;
    const told = error instanceof Error ? error.stack : String(error);
    process.stdout.write(`FAIL  ${name}\n${told}\n`);
  };
  return {
    async check(name, test) {
      const begin = performance.now();
      try {
        await test();
        passes += 1;
        process.stdout.write(`ok    ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)\n`);
      } catch (error) {
        failed(name, error);
      }
    },
    failed: (error) => failed("the program", error),
    end() {
      process.stdout.write(`${passes} passed, ${failures} failed\n`);
      process.exit(failures === 0 ? 0 : 1);
    },
  };
}
