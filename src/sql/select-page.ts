/** What a request asks of a list: which page, how large, from which end. */

import { ServiceError } from "../errors.ts";
import type { Entity, Model } from "../model/model.ts";
import { filterShape } from "./filter-shape.ts";
import { type OrderTerm, orderSignature, orderTerms } from "./order-term.ts";

/** Limits of lists. */
export interface PageLimits {
  /** Rows of a page where the request gives no number. */
  readonly defaultPageSize: number;
  /** Largest page. */
  readonly maxPageSize: number;
}

/** A list's arguments, checked; takes their place for SQL. */
export interface Page {
  readonly [argument: string]: unknown;
  readonly size: number;
  /** Rows that the request is taken to expect: a page of no stated size is seldom full. */
  readonly asked: number;
  /** Rows to ask for: one more than the page, which tells whether there are more. */
  readonly fetch: number;
  readonly backward: boolean;
  readonly offset: number;
  readonly where: unknown;
  /** What of `where` the SQL depends on. */
  readonly whereShape: string;
  readonly terms: readonly OrderTerm[];
  readonly signature: string;
  readonly after?: readonly (string | null)[];
  readonly before?: readonly (string | null)[];
}

/** Rows of a page whose size is not stated, where nested pages are multiplied. */
const usualRows = 10;

/** Checks the arguments of a list. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED} naming the argument. */
export function resolvePage(
  model: Model,
  entity: Entity,
  options: { readonly given: Readonly<Record<string, unknown>>; readonly limits: PageLimits },
): Page {
  const { given, limits } = options;
  const first = count("first", given["first"]);
  const last = count("last", given["last"]);
  const offset = count("offset", given["offset"]);
  if (first !== undefined && last !== undefined)
    throw wrong("last", "first and last exclude each other; give one of them");
  if (offset !== undefined && last !== undefined)
    throw wrong("offset", "offset counts from the start, so it does not go with last");
  const size = first ?? last ?? Math.min(limits.defaultPageSize, limits.maxPageSize);
  checkSize(first === undefined ? "last" : "first", size, limits);
  const { terms, signature } = orderOf(model, entity, given["orderBy"]);
  const after = cursor("after", given["after"], { signature, terms });
  const before = cursor("before", given["before"], { signature, terms });
  const bounds = { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
  const backward = last !== undefined;
  const asked = first ?? last ?? Math.min(size, usualRows);
  return {
    size,
    asked,
    fetch: size + 1,
    backward,
    offset: offset ?? 0,
    where: given["where"],
    whereShape: filterShape(model, entity, given["where"]),
    terms,
    signature,
    ...bounds,
  };
}

interface Order {
  readonly terms: readonly OrderTerm[];
  readonly signature: string;
}

/** Orders by what they were made from: an entity, where none is given, or the list of a document's text, which is one object for all its requests. */
const orders = new WeakMap<object, Order>();

function orderOf(model: Model, entity: Entity, orderBy: unknown): Order {
  const source = orderBy === undefined ? entity : orderBy;
  const known = source === null || typeof source !== "object" ? undefined : orders.get(source);
  if (known !== undefined) return known;
  const terms = orderTerms(model, entity, orderBy);
  const order = { terms, signature: orderSignature(entity, terms) };
  if (source !== null && typeof source === "object") orders.set(source, order);
  return order;
}

/** A count among the arguments; absent where it is null. @throws {BAD_USER_INPUT} for a negative one. */
export function count(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw wrong(name, `${name} is ${JSON.stringify(value)}; give 0 or a positive number`);
}

function checkSize(name: string, size: number, limits: PageLimits): void {
  if (size <= limits.maxPageSize) return;
  throw new ServiceError(
    "LIMIT_EXCEEDED",
    `${name}: ${size} rows are more than a page may have, ${limits.maxPageSize}. Ask for fewer and page on with after, or raise HOLDFAST_MAX_PAGE.`,
    { details: { field: name, limit: limits.maxPageSize, setting: "HOLDFAST_MAX_PAGE" } },
  );
}

function cursor(
  name: string,
  text: unknown,
  order: { readonly signature: string; readonly terms: readonly OrderTerm[] },
): readonly (string | null)[] | undefined {
  if (text === undefined || text === null) return undefined;
  const parts = decode(String(text));
  const values = parts?.slice(1);
  const fits = values?.every(
    (value, index) => value === null || (typeof value === "string" && order.terms[index] !== undefined),
  );
  if (parts === undefined || values === undefined || fits !== true || values.length !== order.terms.length) {
    throw wrong(
      name,
      `${name} is no cursor of this list; give a cursor as this list with this order answered it`,
    );
  }
  if (parts[0] !== order.signature) {
    throw wrong(
      name,
      `${name} is a cursor of another list or another order; page on with the orderBy that gave it`,
    );
  }
  // Just checked, value by value.
  return values as readonly (string | null)[];
}

function decode(text: string): readonly unknown[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function wrong(field: string, message: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${message}.`, { details: { field } });
}
