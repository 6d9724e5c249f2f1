/** What decoding one stored value may take: stored bytes are treated as if an enemy had written them. */

import { ServiceError } from "../errors.ts";

/** Limits of decoding one value. */
export interface DecodeLimits {
  /** Bytes that a value may unfold to. */
  readonly outputBytes: number;
  /** Bytes that one compressed byte may unfold to. */
  readonly ratio: number;
  /** Levels of lists, dicts, records and groups. */
  readonly nesting: number;
  /** Elements of one array, and items of one value. */
  readonly elements: number;
  /** Milliseconds of work in the worker thread; waiting for the store is not counted. */
  readonly timeMs: number;
  /** Bytes of JavaScript heap, and of WebAssembly memory, of one worker thread. */
  readonly heapBytes: number;
  /** Values of more bytes than this are decoded in a worker thread. */
  readonly apartBytes: number;
  /** Worker threads. */
  readonly threads: number;
}

/** Limits where nothing else is configured. */
export const defaultDecodeLimits: DecodeLimits = {
  outputBytes: 512 * 2 ** 20,
  // Deflate cannot do better than 1032 to 1: a larger claim is false.
  ratio: 1032,
  nesting: 512,
  elements: 2 ** 30,
  timeMs: 30_000,
  heapBytes: 1024 * 2 ** 20,
  apartBytes: 2 ** 20,
  threads: 2,
};

/** The environment variable that changes a limit; refusals name it. */
export const decodeLimitSettings: Readonly<Record<keyof DecodeLimits, string>> = {
  outputBytes: "HOLDFAST_DECODE_OUTPUT",
  ratio: "HOLDFAST_DECODE_RATIO",
  nesting: "HOLDFAST_DECODE_NESTING",
  elements: "HOLDFAST_DECODE_ELEMENTS",
  timeMs: "HOLDFAST_DECODE_MS",
  heapBytes: "HOLDFAST_DECODE_HEAP",
  apartBytes: "HOLDFAST_DECODE_APART",
  threads: "HOLDFAST_DECODE_THREADS",
};

/** Smallest and largest values; a worker thread cannot start on less heap. */
const ranges: Readonly<Record<keyof DecodeLimits, readonly [least: number, most: number]>> = {
  outputBytes: [1, 2 ** 32],
  ratio: [1, 2 ** 31 - 1],
  // Beyond it the stack of a thread would decide.
  nesting: [1, 512],
  elements: [1, Number.MAX_SAFE_INTEGER],
  timeMs: [1, 2 ** 31 - 1],
  heapBytes: [64 * 2 ** 20, 2 ** 35],
  apartBytes: [0, Number.MAX_SAFE_INTEGER],
  threads: [1, 256],
};

/** Reads the limits that the environment sets. @throws {CONFIG_INVALID} for what is no whole number in its range. */
export function decodeLimitsFrom(environment: Readonly<Record<string, string | undefined>>): DecodeLimits {
  const read = (name: keyof DecodeLimits): number => {
    const setting = decodeLimitSettings[name];
    const text = environment[setting];
    if (text === undefined || text === "") return defaultDecodeLimits[name];
    const [least, most] = ranges[name];
    const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
    if (value >= least && value <= most) return value;
    const expected = `a whole number from ${least} to ${most}`;
    throw new ServiceError(
      "CONFIG_INVALID",
      `${setting} is ${JSON.stringify(text)}; it must be ${expected}.`,
      {
        details: { field: setting, value: text, remedy: `Set ${setting} to ${expected}.` },
      },
    );
  };
  // The keys of decodeLimitSettings are those of DecodeLimits, each once.
  const names = Object.keys(decodeLimitSettings) as (keyof DecodeLimits)[];
  return Object.assign({ ...defaultDecodeLimits }, ...names.map((name) => ({ [name]: read(name) })));
}

/** The refusal of a value beyond a limit: what it has, the number, the setting. */
export function beyondDecodeLimit(
  name: keyof DecodeLimits,
  limits: DecodeLimits,
  what: string,
): ServiceError {
  const setting = decodeLimitSettings[name];
  return new ServiceError(
    "LIMIT_EXCEEDED",
    `${what}; the limit is ${limits[name]} (${setting}). Fetch the value by url.`,
    { details: { limit: limits[name], setting } },
  );
}

/** @throws {LIMIT_EXCEEDED} when `count` is over the limit; `what` is told with the number: `elements in an array`. */
export function checkDecodeLimit(
  name: keyof DecodeLimits,
  limits: DecodeLimits,
  told: { readonly count: number | bigint; readonly what: string },
): void {
  if (BigInt(told.count) > BigInt(limits[name])) {
    throw beyondDecodeLimit(name, limits, `The value announces ${told.count} ${told.what}`);
  }
}
