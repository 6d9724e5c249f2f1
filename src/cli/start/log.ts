/** The service's log: JSON lines on standard error, which the service manager keeps. */

import { writeSync } from "node:fs";
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
  const most = process.stderr.isTTY ? 0 : gatheredBytes;
  let gathered = "";
  let waiting: NodeJS.Timeout | undefined;
  let flushedAt = Number.NEGATIVE_INFINITY;
  const flush = (): void => {
    clearTimeout(waiting);
    waiting = undefined;
    writeOut(gathered);
    gathered = "";
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
      gathered += line;
      if (gathered.length >= most) return flush();
      if (waiting !== undefined && stream.lastLevel < urgent) return;
      const isQuiet = performance.now() - flushedAt > longestWait;
      if (isQuiet || stream.lastLevel >= urgent) flush();
      else waiting = setTimeout(flush, longestWait).unref();
    },
  };
  return pinoTells(stream);
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes it all to standard error, and waits for a reader that is slow. What nobody reads any more is let go: pino's own destination tries a
 * broken pipe again for ever, and the process does nothing else meanwhile.
 */
function writeOut(text: string): void {
  for (let bytes = Buffer.from(text); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(2, bytes));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "EAGAIN" && code !== "EBUSY") return;
      Atomics.wait(sleeper, 0, 0, 10);
    }
  }
}

/** Asks pino to set `lastLevel`. */
function pinoTells(stream: Gathering): Gathering {
  return Object.assign(stream, { [Symbol.for("pino.metadata")]: true });
}
