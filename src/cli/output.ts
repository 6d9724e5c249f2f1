/** How commands talk: text for people, one JSON document with `--json`; results on stdout, everything else on stderr. */

import { SingleBar } from "cli-progress";
import { errorTable, isServiceError } from "../errors.ts";

/** Where a command writes. */
export interface Output {
  readonly json: boolean;
  /** The command's result: `text` for people, `value` with `--json`. */
  result(value: unknown, text: string): void;
  /** A remark beside the result. */
  note(text: string): void;
  /** A progress bar on a terminal, nothing elsewhere. */
  progress(title: string): (done: number, total: number, next: string) => void;
}

export function createOutput(
  json: boolean,
  streams: { out: NodeJS.WriteStream; err: NodeJS.WriteStream },
): Output {
  const line = (stream: NodeJS.WriteStream, text: string) =>
    stream.write(text.endsWith("\n") ? text : `${text}\n`);
  return {
    json,
    result: (value, text) => line(streams.out, json ? JSON.stringify(value) : text),
    note: (text) => {
      if (!json) line(streams.err, text);
    },
    progress: (title) => (streams.err.isTTY && !json ? bar(title, streams.err) : () => undefined),
  };
}

function bar(title: string, stream: NodeJS.WriteStream): (done: number, total: number, next: string) => void {
  const shown = new SingleBar({
    stream,
    format: `${title} {bar} {value}/{total} {next}`,
    clearOnComplete: true,
    hideCursor: true,
  });
  let started = false;
  return (done, total, next) => {
    if (!started) shown.start(total, done, { next });
    started = true;
    shown.setTotal(total);
    shown.update(done, { next });
    if (done >= total) shown.stop();
  };
}

/** Writes an error the way the command talks, and answers the exit code. */
export function report(error: unknown, json: boolean, stream: NodeJS.WriteStream): number {
  if (!isServiceError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    stream.write(
      json ? `${JSON.stringify({ error: { code: "INTERNAL_SERVER_ERROR", message: text } })}\n` : `${text}\n`,
    );
    return 1;
  }
  const { code, message, details } = error;
  stream.write(
    json
      ? `${JSON.stringify({ error: { code, message, ...details } })}\n`
      : `${textOf(code, message, details.remedy)}\n`,
  );
  return errorTable[code].exitCode;
}

function textOf(code: string, message: string, remedy: string | undefined): string {
  const advice = remedy === undefined || message.includes(remedy) ? "" : `\n  ${remedy}`;
  return `holdfast: ${message}${advice}\n  (${code})`;
}
