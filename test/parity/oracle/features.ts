/** What an oracle met while it answered, so that what no operation asks for is noticed. */

/** Names of what was exercised in one operation, and whether its answer can be told for sure. */
export class Features {
  readonly met = new Set<string>();
  /** Why the answer hangs on the last digits of a sum of floats; absent where it does not. */
  unsure: string | undefined;

  meet(feature: string): void {
    this.met.add(feature);
  }
}
