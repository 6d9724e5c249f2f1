/** The service's log: JSON lines on standard error, which the service manager keeps. */

import pino, { type DestinationStream, type Logger } from "pino";

/** Bytes that are gathered before they are written: some twenty lines, of which each alone would cost a call of the system. */
const gatheredBytes = 4096;
/** Longest that a line waits, in milliseconds; one that comes after so long a silence does not wait. */
const longestWait = 100;
/** pino's number of `warn`. */
const urgent = 40;

/**
 * Makes the log. Lines below `warn` that come close behind each other are written together, so that not every request pays for a write; from
 * `warn` on, and when the process ends by itself, everything is written at once. What `kill -9` can take is the last tenth of a second
 * of ordinary lines.
 */
export function createLog(level: string): Logger {
  shared ??= gathering();
  return pino({ level }, shared);
}

/** Standard error is the process's: whoever logs there, logs in one order. */
let shared: Gathering | undefined;

interface Gathering extends DestinationStream {
  /** Set by pino before each line. */
  lastLevel: number;
  /** What `logger.flush()` calls. */
  flush(done?: () => void): void;
}

function gathering(): Gathering {
  const file = pino.destination({ fd: 2, sync: true, minLength: process.stderr.isTTY ? 0 : gatheredBytes });
  let waiting: NodeJS.Timeout | undefined;
  let flushedAt = Number.NEGATIVE_INFINITY;
  const flush = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    file.flushSync();
    flushedAt = performance.now();
  };
  process.on("exit", flush);
  const stream: Gathering = {
    lastLevel: 0,
    flush: (done) => {
      flush();
      done?.();
    },
    write(line) {
      file.write(line);
      if (waiting !== undefined && stream.lastLevel < urgent) return;
      const isQuiet = performance.now() - flushedAt > longestWait;
      if (isQuiet || stream.lastLevel >= urgent) flush();
      else waiting = setTimeout(flush, longestWait).unref();
    },
  };
  return pinoTells(stream);
}

/** Asks pino to set `lastLevel`. */
function pinoTells(stream: Gathering): Gathering {
  return Object.assign(stream, { [Symbol.for("pino.metadata")]: true });
}
