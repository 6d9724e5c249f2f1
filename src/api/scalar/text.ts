/** UUID, Bytes and JSON. */

import { refusal } from "./fault.ts";
import type { Scalar } from "./scalar.ts";

/** A UUID, in lower case with hyphens. */
export const uuidScalar: Scalar = {
  name: "UUID",
  description: "A UUID in its usual form, 8-4-4-4-12 hexadecimal digits; lower case on output.",
  specifiedBy: "https://www.rfc-editor.org/rfc/rfc9562",
  parse(value) {
    if (typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) {
      return value.toLowerCase();
    }
    throw refusal("UUID", value, 'give a UUID such as "7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42"');
  },
};

/** Bytes as base64 text. Parses to a Buffer. */
export const bytesScalar: Scalar = {
  name: "Bytes",
  description: "Bytes as base64 text (RFC 4648 section 4, with padding).",
  specifiedBy: "https://www.rfc-editor.org/rfc/rfc4648#section-4",
  parse(value) {
    const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
    if (typeof value === "string" && base64.test(value)) return Buffer.from(value, "base64");
    throw refusal("Bytes", value, "give base64 text with padding");
  },
};

/** Any JSON value. */
export const jsonScalar: Scalar = {
  name: "JSON",
  description: "Any JSON value.",
  specifiedBy: "https://www.rfc-editor.org/rfc/rfc8259",
  parse: (value) => value,
};
