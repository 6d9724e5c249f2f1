/** What one scalar of the API is made of. */

/** A scalar's text for the SDL and its input side; output is made by SQL, `serialize` serves literals of defaults and introspection. */
export interface Scalar {
  readonly name: string;
  readonly description: string;
  /** Link of `@specifiedBy`. */
  readonly specifiedBy?: string;
  /** A JSON value of a request to the form that the parts below work with. @throws GraphQLError naming the value and the remedy. */
  parse(value: unknown): unknown;
  /** True where a number literal is handed to `parse` as its source text, so that no digit is lost. */
  readonly exactNumbers?: boolean;
}
