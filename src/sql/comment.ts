/** Comments of tables and columns, where the peer keeps its type specs. */

/** Types that the peer takes as PostgreSQL's own: their comment carries no spec. @source DataJoint 2.3.5, `declare.py` */
const native =
  /^(tinyint|smallint|mediumint|int|integer|bigint|serial|numeric|decimal|dec|fixed|float|real|double|time|timestamp|year|(tiny|medium|long)?(text|blob))\b/i;

/** Comment of a table; one line, for the peer shows it as a line of the definition. */
export function tableComment(description: string): string {
  return oneLine(description);
}

/** Comment of a declared column, `:<spec>:<text>`; null where there is nothing to say. */
export function columnComment(spec: string, description: string): string | null {
  const text = oneLine(description).replaceAll('"', '\\"');
  if (isNative(spec)) return text === "" ? null : text;
  return `:${spec}:${text}`;
}

/** Comment of a column of a native type: the text alone; null where there is none. */
export function nativeComment(description: string): string | null {
  const text = oneLine(description).replaceAll('"', '\\"');
  return text === "" ? null : text;
}

function isNative(spec: string): boolean {
  return native.test(spec) && !/^decimal\(/i.test(spec);
}

/** The peer reads a comment up to the first line break, and refuses a user's comment that begins with a colon. */
function oneLine(description: string): string {
  const text = description.replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, " ").trim();
  return text.startsWith(":") ? ` ${text}` : text;
}

/** A comment taken apart: `:<npy@main>:raw traces` → spec `<npy@main>`, text `raw traces`. */
export function parseComment(comment: string): { readonly spec: string | undefined; readonly text: string } {
  const match = /^:([^:]+):(.*)/s.exec(comment);
  return match === null ? { spec: undefined, text: comment } : { spec: match[1], text: match[2] ?? "" };
}

/** The codec of a spec: `<npy@main>` → `npy` and `main`; the store is `""` for `<npy@>`, absent for `<blob>`. */
export function codecOfSpec(
  spec: string | undefined,
): { readonly name: string; readonly store: string | undefined } | undefined {
  const match = /^<([a-z][a-z0-9_]*)(?:@([^>]*))?>$/i.exec(spec ?? "");
  return match?.[1] === undefined ? undefined : { name: match[1], store: match[2] };
}

/** The values of an enum's spec as the peer reads them: `enum('a', "b")` → `a`, `b`. */
export function enumValues(spec: string | undefined): readonly string[] | undefined {
  const values = /^enum\s*\((.*)\)$/is.exec(spec ?? "")?.[1];
  return values?.split(",").map((value) => value.trim().replaceAll(/^['"]|['"]$/g, ""));
}

/**
 * Whether the comment in the catalog says what is wanted. `<x@>` and `<x@NAME>` are one when NAME is the default store; the
 * order and spacing of enum values, and the precision 6 of `datetime`, carry nothing.
 */
export function sameComment(actual: string | null, wanted: string | null, defaultStore?: string): boolean {
  if (actual === null || wanted === null) return (actual ?? "") === (wanted ?? "");
  if (sameText(actual, wanted)) return true;
  const a = parseComment(actual);
  const b = parseComment(wanted);
  return (
    sameText(a.text, b.text) && canonicalSpec(a.spec, defaultStore) === canonicalSpec(b.spec, defaultStore)
  );
}

/** Line breaks, blanks at the ends and the `\` before a quote are how a text is written, and not what it says. */
function sameText(a: string, b: string): boolean {
  return a === b || oneLine(unescaped(a)) === oneLine(unescaped(b));
}

/** A text as its author gave it: the peer keeps a `\` before each quote. */
export function unescaped(text: string): string {
  return text.replaceAll('\\"', '"');
}

function canonicalSpec(spec: string | undefined, defaultStore: string | undefined): string | undefined {
  const codec = codecOfSpec(spec);
  if (codec?.store === "") return `<${codec.name}@${defaultStore ?? ""}>`;
  const values = enumValues(spec);
  if (values !== undefined) return `enum(${values.toSorted().join(",")})`;
  // The peer keeps a spec as it was typed, and reads it whatever its case.
  const core = spec?.toLowerCase().replaceAll(/\s/g, "");
  return core === "datetime(6)" ? "datetime" : core;
}
