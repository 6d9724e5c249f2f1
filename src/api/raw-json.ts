/** JSON text that goes from the database to the client untouched. */

import type { FormattedExecutionResult } from "graphql";

/** Stands for the `data` of an answer whose text is already there. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Apollo's `stringifyResult`: JSON, with the text of a {@link RawJson} as it is. */
export function stringifyResult(result: FormattedExecutionResult): string {
  // Apollo's type does not know that our plugin puts a RawJson there.
  const data = result.data as unknown;
  if (!(data instanceof RawJson)) return `${JSON.stringify(result)}\n`;
  const errors = result.errors === undefined ? "" : `"errors":${JSON.stringify(result.errors)},`;
  const extensions =
    result.extensions === undefined ? "" : `,"extensions":${JSON.stringify(result.extensions)}`;
  return `{${errors}"data":${data.text}${extensions}}\n`;
}
