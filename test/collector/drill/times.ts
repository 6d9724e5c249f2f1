/** Life of a claim in the drill, in milliseconds. */
export const claimMs = 2000;
/** For how long a process is stopped. */
export const stopMs = 2 * claimMs;
/**
 * Of the store. As in the product, what is late is waited for longer than a claim is late, and trash is kept for longer than a foreign writer
 * takes.
 */
export const policy = { grace: "0", keep: "15 s", drain: "6 s" } as const;
