/** What was typed, as it can be typed again. */

/** `holdfast get Recording.voltage sessionId=1`, quoted for a shell where that is needed. */
export function sameCommand(argv: readonly string[] = process.argv.slice(2)): string {
  return ["holdfast", ...argv.map(quoted)].join(" ");
}

function quoted(text: string): string {
  if (/^[A-Za-z0-9_.,:=@%+/~-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
