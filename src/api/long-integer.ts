/** Whole numbers of JSON text that a parser of 64-bit floats would change. One pass: a text of the largest size must not hold others up. */

/** A whole number of a JSON text, and where it stands: `variables.rows.3.settings.serial`. */
export interface PlacedNumber {
  readonly path: string;
  readonly digits: string;
}

/** The first whole number that `JSON.parse` would round to another one, as 2^53 + 1; `text` must be JSON. */
export function roundedInteger(text: string): PlacedNumber | undefined {
  if (!hasLongNumber(text)) return undefined;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const isNumber = code === minus || isDigit(code);
    const end = code === quote ? endOfString(text, at) : isNumber ? endOfNumber(text, at) : at + 1;
    const digits = isNumber && end - at > 15 ? text.slice(at, end) : "";
    if (isRounded(digits)) return { path: pathTo(text, at), digits };
    at = end;
  }
  return undefined;
}

const longDigits = 16;

/** A cheap look first: of so many digits in a row one stands at each multiple of their count. */
function hasLongNumber(text: string): boolean {
  for (let at = 0; at < text.length; at += longDigits) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let [first, end] = [at, at + 1];
    while (isDigit(text.charCodeAt(first - 1))) first--;
    while (isDigit(text.charCodeAt(end))) end++;
    if (end - first >= longDigits) return true;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

/** Whether the digits of a whole number change when they become a 64-bit float; false for what is no whole number. */
export function isRounded(digits: string): boolean {
  if (digits === "" || /[^\d-]/.test(digits)) return false;
  const number = Number(digits);
  // What JavaScript itself writes for a float of that size is meant as that float.
  if (String(number) === digits) return false;
  return !Number.isFinite(number) || BigInt(number) !== BigInt(digits);
}

const [quote, backslash, minus, zero, nine] = [0x22, 0x5c, 0x2d, 0x30, 0x39];

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === backslash) at++;
  }
  return text.length;
}

/** Digits, point, exponent and signs. */
function isNumeric(code: number): boolean {
  return isDigit(code) || code === minus || code === 0x2e || code === 0x2b || (code | 0x20) === 0x65;
}

/** Behind the number that begins at `start`, fraction and exponent included. */
function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  while (isNumeric(text.charCodeAt(at))) at++;
  return at;
}

/** The keys and positions that lead to the value at `offset`. */
function pathTo(text: string, offset: number): string {
  const path: (string | number)[] = [];
  for (let at = 0; at < offset; ) {
    const sign = text.charAt(at);
    const end = sign === '"' ? endOfString(text, at) : at + 1;
    const last = path.at(-1);
    if (sign === "{") path.push("");
    else if (sign === "[") path.push(0);
    else if (sign === "}" || sign === "]") path.pop();
    else if (sign === "," && typeof last === "number") path[path.length - 1] = last + 1;
    // Of the strings of an object the last one before the value is its key.
    else if (sign === '"' && typeof last === "string") path[path.length - 1] = text.slice(at, end);
    at = end;
  }
  return path.map((part) => (typeof part === "number" ? part : String(JSON.parse(part)))).join(".");
}
