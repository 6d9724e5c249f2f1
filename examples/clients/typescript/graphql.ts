/** The typed `graphql` function of this program: the API's schema, and what its scalars are in TypeScript. */

import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./graphql-env.d.ts";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: {
    /** Decimal digits: `BigInt(value)` reads them, `String(value)` sends them. */
    BigInt: string;
    Decimal: string;
    Float64: number | "NaN" | "Infinity" | "-Infinity";
    Float32: number | "NaN" | "Infinity" | "-Infinity";
    /** 2026-05-17 */
    Date: string;
    /** 2026-05-17T08:30:00.123456Z; a JavaScript `Date` would cut the microseconds. */
    DateTime: string;
    UUID: string;
    /** Base64. */
    Bytes: string;
    JSON: unknown;
  };
}>();
