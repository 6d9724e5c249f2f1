/** Where imports meet: the uploads that they fill, the servers that they read from, and the log. */

/** Who has an upload filled from a URL. */
export interface ImportCaller {
  readonly principal: string;
  readonly signal?: AbortSignal | undefined;
}

/** Opens a URL for reading, or refuses to; `src/remote` has it. */
export type OpenRemote = (
  url: string,
  request: {
    readonly signal: AbortSignal;
    readonly isDeclared: boolean;
    readonly onTrouble: (host: string, reason: unknown) => void;
  },
) => Promise<{
  readonly body: AsyncIterable<Uint8Array>;
  readonly sizeBytes?: number;
  readonly host: string;
}>;

/** What is told of imports, for the log: when one begins, when a host is not reached, and how one ends. */
export interface ImportEvent {
  readonly event: "began" | "not reached" | "done" | "failed";
  readonly principal: string;
  /** `Recording.traces` */
  readonly field: string;
  /** Without path and query, which may hold secrets. */
  readonly host?: string;
  readonly receivedBytes?: number;
  readonly reason?: unknown;
}
