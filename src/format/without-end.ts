/** Text without what it is filled up with. */

/** Without every `filler`, one character, at its end. A pattern would look at each run of fillers once for each of them. */
export function withoutEnd(text: string, filler: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === filler) end -= 1;
  return text.slice(0, end);
}
