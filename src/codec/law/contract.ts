/** What the laws of codecs are given, and what they are. */

import type { Codec } from "../contract.ts";

/** A value that the codec must keep. */
export interface CodecSample {
  readonly name: string;
  /** As GraphQL coerces it: `{values: {dtype: "int8", shape: [1], data: [3]}}`. */
  readonly input: Readonly<Record<string, unknown>>;
  /** What `decode` must give for it. */
  readonly decoded: unknown;
  /** `args` of `@codec`, as the schema file's checks would give them: defaults filled in. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** A sample whose bytes are known, from the format's reference implementation at best. */
export interface CodecVector extends CodecSample {
  /** What `encode` must write, byte for byte, in hexadecimal; blanks do not count. */
  readonly bytes: string;
}

/** How inputs that a machine has made are tried. */
export interface TryOptions {
  /** What `decode` must give for an input. Absent: decoding is tried, and not compared. */
  readonly decodedOf?: (input: CodecSample["input"]) => unknown;
  /** 100 unless told. */
  readonly runs?: number;
  readonly seed?: number;
  readonly args?: CodecSample["args"];
}

/** One law; `check` throws where it is broken. */
export interface CodecLaw {
  readonly name: string;
  readonly check: () => Promise<void>;
}

/** Throws where the codec breaks it. `at`: a fraction that a machine has chosen. */
export type Check = (codec: Codec, sample: CodecSample, at?: number) => Promise<void>;
