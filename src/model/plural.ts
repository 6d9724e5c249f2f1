/** English plurals of type names, for the field that lists the rows. `@table(plural:)` overrides. */

const irregular: ReadonlyMap<string, string> = new Map([
  ["mouse", "mice"],
  ["louse", "lice"],
  ["person", "people"],
  ["child", "children"],
  ["man", "men"],
  ["woman", "women"],
  ["foot", "feet"],
  ["tooth", "teeth"],
  ["goose", "geese"],
  ["ox", "oxen"],
  ["matrix", "matrices"],
  ["vertex", "vertices"],
  ["cortex", "cortices"],
  ["criterion", "criteria"],
  ["phenomenon", "phenomena"],
  ["stimulus", "stimuli"],
  ["nucleus", "nuclei"],
  ["locus", "loci"],
  ["bacterium", "bacteria"],
  ["medium", "media"],
  ["spectrum", "spectra"],
  ["genus", "genera"],
  ["larva", "larvae"],
  ["leaf", "leaves"],
  ["half", "halves"],
  ["life", "lives"],
  ["lens", "lenses"],
  ["quiz", "quizzes"],
]);

const unchanging: ReadonlySet<string> = new Set([
  "data",
  "metadata",
  "equipment",
  "information",
  "software",
  "hardware",
  "feedback",
  "fish",
  "sheep",
  "deer",
  "aircraft",
]);

/** `session` → `sessions`, `scanBox` → `scanBoxes`; a name that is its own plural gets `List`: `speciesList`. */
export function pluralName(singular: string): string {
  const start = lastWordStart(singular);
  const word = singular.slice(start);
  const plural = pluralWord(word.toLowerCase());
  if (plural === word.toLowerCase()) return `${singular}List`;
  return singular.slice(0, start) + matchCase(word, plural);
}

function pluralWord(word: string): string {
  const known = irregular.get(word);
  if (known !== undefined) return known;
  if (unchanging.has(word)) return word;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  if (/sis$|xis$/.test(word)) return `${word.slice(0, -2)}es`;
  if (/(?:ss|us|as|os|is|x|z|ch|sh)$/.test(word)) return `${word}es`;
  return word.endsWith("s") ? word : `${word}s`;
}

function lastWordStart(name: string): number {
  const match = /[A-Z][^A-Z]*$/.exec(name);
  return match?.index ?? 0;
}

function matchCase(word: string, plural: string): string {
  const isCapital = /^[A-Z]/.test(word);
  return isCapital ? plural.slice(0, 1).toUpperCase() + plural.slice(1) : plural;
}
