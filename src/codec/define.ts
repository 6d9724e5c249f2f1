/** What {@link file://./contract.ts defineCodec} checks and adds. */

/** As much of a codec as is looked at. */
interface Parts<Field extends FieldParts> {
  readonly name: string;
  readonly version: number;
  readonly chain: { readonly row?: string; readonly store?: string };
  readonly addressing?: string;
  readonly metadata?: unknown;
  readonly refer?: unknown;
  readonly fields: Readonly<Record<string, Field>>;
  readonly derived?: Readonly<Record<string, { readonly description: string; readonly args?: string }>>;
}

interface FieldParts {
  readonly sql?: unknown;
  readonly read?: unknown;
  readonly filter?: unknown;
  readonly derived?: string;
}

/** What is wrong with a codec; `undefined`: nothing. */
export function faultOf(codec: Parts<FieldParts>): string | undefined {
  if (!/^[a-z][a-z0-9_]*$/.test(codec.name)) return "the name must match [a-z][a-z0-9_]*";
  if (!Number.isInteger(codec.version) || codec.version < 1)
    return "the version must be a whole number from 1";
  if (codec.chain.row === undefined && codec.chain.store === undefined) return "chain gives no placement";
  if (codec.chain.store === "json" && codec.addressing === undefined)
    return "a store codec that ends in json needs addressing";
  if (codec.chain.store === "json" && codec.addressing !== "external" && codec.metadata === undefined)
    return "a store codec that ends in json needs metadata()";
  if (codec.addressing === "external" && codec.refer === undefined)
    return "a codec with external addressing needs refer()";
  return fieldFault(codec) ?? derivedFault(codec);
}

function fieldFault({ fields }: Parts<FieldParts>): string | undefined {
  for (const [name, field] of Object.entries(fields)) {
    if (name === "url") return "the field url is added by the service";
    if (field.derived === undefined && field.sql === undefined && field.read === undefined)
      return `field ${name} has neither sql nor read`;
    if (field.filter !== undefined && field.sql === undefined)
      return `field ${name} has a filter without sql`;
  }
  return undefined;
}

function derivedFault(codec: Parts<FieldParts>): string | undefined {
  for (const [name, { args }] of Object.entries(codec.derived ?? {})) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) return `derived ${name}: the name must match [a-z][A-Za-z0-9]*`;
    if (codec.chain.store === undefined || codec.addressing === "external")
      return `derived ${name}: only objects in a store have what is derived`;
    if (/\bexpiresIn\b/.test(args ?? "")) return `derived ${name}: expiresIn is added by the service`;
    const own = codec.fields[urlField(name)];
    if (own !== undefined && own.derived !== name)
      return `the field ${urlField(name)} is added by the service`;
  }
  return undefined;
}

function urlField(name: string): string {
  return `${name}Url`;
}

/** The fields of a codec, and one for the URL of each thing that is derived. */
export function withDerived<Field extends FieldParts>(
  codec: Parts<Field>,
): Readonly<Record<string, Field | ReturnType<typeof derivedField>>> {
  const added = Object.entries(codec.derived ?? {}).map(
    ([name, derived]) => [urlField(name), derivedField(name, derived)] as const,
  );
  return { ...codec.fields, ...Object.fromEntries(added) };
}

function derivedField(name: string, of: { readonly description: string; readonly args?: string }) {
  return {
    type: "String!",
    description: `URL of a file that is made when it is read: ${of.description} Valid for expiresIn seconds, 7 days at most.`,
    args: [...(of.args === undefined ? [] : [of.args]), "expiresIn: Int = 3600"].join(", "),
    derived: name,
  };
}
