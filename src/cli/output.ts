/** How commands talk: text for people, one JSON document with `--json`; results on stdout, everything else on stderr. */

import { SingleBar } from "cli-progress";
import { errorTable, isServiceError, type ServiceError } from "../errors.ts";
import { byteText } from "./byte-text.ts";
import { Interrupted, interruptedExitCode } from "./interrupt.ts";

/** Where a command writes. */
export interface Output {
  readonly json: boolean;
  /** The command's result: `text` for people, `value` with `--json`. */
  result(value: unknown, text: string): void;
  /** A remark beside the result: the next command, what was left alone. Nothing with `--json`. */
  note(text: string): void;
  /** A progress bar on a terminal, nothing elsewhere. */
  progress(title: string): Progress;
  /** The same for bytes. */
  byteProgress(title: string): Progress;
}

export type Progress = (done: number, total: number, next: string) => void;

export function createOutput(
  json: boolean,
  streams: { out: NodeJS.WriteStream; err: NodeJS.WriteStream },
): Output {
  const line = (stream: NodeJS.WriteStream, text: string) =>
    stream.write(text.endsWith("\n") ? text : `${text}\n`);
  const shown = (format: string): Progress =>
    streams.err.isTTY && !json ? bar(format, streams.err) : () => undefined;
  return {
    json,
    result: (value, text) => line(streams.out, json ? JSON.stringify(value) : text),
    note: (text) => {
      if (!json) line(streams.err, text);
    },
    progress: (title) => shown(`${title} {bar} {value}/{total} {next}`),
    byteProgress: (title) => shown(`${title} {bar} {percentage}% {done} of {all} {next}`),
  };
}

function bar(format: string, stream: NodeJS.WriteStream): Progress {
  const shown = new SingleBar({ stream, format, clearOnComplete: true, hideCursor: true });
  // However the work ends, the terminal gets its cursor back.
  const stop = () => shown.stop();
  let started = false;
  return (done, total, next) => {
    const payload = { next, done: byteText(done), all: byteText(total) };
    if (!started) {
      started = true;
      process.once("exit", stop);
      shown.start(total, done, payload);
    }
    shown.setTotal(total);
    shown.update(done, payload);
    if (done < total) return;
    shown.stop();
    process.off("exit", stop);
  };
}

/** Writes an error the way the command talks, and answers the exit code. */
export function report(error: unknown, json: boolean, stream: NodeJS.WriteStream): number {
  if (error instanceof Interrupted) {
    const { next } = error;
    const told = next === undefined ? "" : `\n  go on with: ${next}`;
    stream.write(
      json ? `${JSON.stringify({ interrupted: true, next })}\n` : `holdfast: interrupted${told}\n`,
    );
    return interruptedExitCode;
  }
  if (isServiceError(error)) return reportService(error, json, stream);
  const message = error instanceof Error ? error.message : String(error);
  const document = JSON.stringify({ error: { code: "INTERNAL_SERVER_ERROR", message } });
  stream.write(`${json ? document : `holdfast: ${unforeseen(error)}`}\n`);
  return 1;
}

function reportService(
  { code, message, details }: ServiceError,
  json: boolean,
  stream: NodeJS.WriteStream,
): number {
  const document = () => JSON.stringify({ error: { code, message, ...details } });
  stream.write(`${json ? document() : textOf(code, message, details.remedy)}\n`);
  return errorTable[code].exitCode;
}

/** What the system said of a file or socket speaks for itself; anything else is our fault, and its place helps to find it. */
function unforeseen(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "syscall" in error ? error.message : (error.stack ?? error.message);
}

function textOf(code: string, message: string, remedy: string | undefined): string {
  const advice = remedy === undefined || message.includes(remedy) ? "" : `\n  ${remedy}`;
  return `holdfast: ${message}${advice}\n  (${code})`;
}
