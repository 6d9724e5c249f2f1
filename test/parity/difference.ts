/** What the suite stops at. */

/** An operation that is answered otherwise than it must be. */
export class Difference extends Error {
  constructor(report: Readonly<Record<string, string>>) {
    super(
      Object.entries(report)
        .map(([name, text]) => `--- ${name}\n${text}`)
        .join("\n"),
    );
  }
}
