/** Arguments of pages, checked. */

import { ServiceError } from "../errors.ts";

const mostRows = 1000;

/** @throws {LIMIT_EXCEEDED} */
export function checkCount(field: string, count: number): void {
  if (count >= 1 && count <= mostRows) return;
  throw new ServiceError("LIMIT_EXCEEDED", `${field} is ${count}; it must be from 1 to ${mostRows}.`, {
    details: { field, value: count, limit: mostRows },
  });
}

/** An id that PostgreSQL gives out: a whole number as text. @throws {BAD_USER_INPUT} */
export function checkId(field: string, id: string | null | undefined): void {
  // An argument that is left out is undefined.
  if (id == null || /^\d{1,18}$/.test(id)) return;
  const value = id.slice(0, 100);
  throw new ServiceError("BAD_USER_INPUT", `${field} is ${JSON.stringify(value)}, which is no id.`, {
    details: { field, value, remedy: "Pass an id or endCursor as it was answered." },
  });
}
