/** Pages of lists: where they begin and end, and what lies on either side. */

import type { Entity } from "../../../src/model/model.ts";
import { fits, type Scope } from "./filter.ts";
import { comparePlaces, orderTerms, type Place, type Term } from "./order.ts";
import { badInput, Refused } from "./refused.ts";
import type { Row } from "./tables.ts";

/** Limits of pages that the served API has. */
const pageLimits = { usual: 100, most: 1000 };

/** Cursors that were handed out: the text that stands for a place, and what it stands for. */
export interface Cursors {
  /** The text of a place in an order of an entity's lists. */
  give(at: { readonly order: string; readonly place: Place; readonly identity: string }): string;
  /** Notes with which `orderBy` an order is asked for. */
  note(order: string, orderBy: unknown): void;
  /** The place that a text stands for; absent for a text that was never given. */
  find(text: string): { readonly order: string; readonly place: Place } | undefined;
}

/** The arguments of a list. */
export type ListArguments = Readonly<Record<string, unknown>>;

/** A list's arguments, checked. */
export interface Wanted {
  readonly size: number;
  readonly backward: boolean;
  readonly offset: number;
  readonly terms: readonly Term[];
  readonly order: string;
  readonly after?: Place;
  readonly before?: Place;
}

/** Checks a list's arguments. @throws Refused as documented. */
export function wantedPage(scope: Scope, entity: Entity, args: ListArguments, cursors: Cursors): Wanted {
  const first = count(args["first"]);
  const last = count(args["last"]);
  const offset = count(args["offset"]);
  if (first !== undefined && last !== undefined) throw badInput("first with last");
  if (offset !== undefined && last !== undefined) throw badInput("offset with last");
  const size = first ?? last ?? pageLimits.usual;
  if (size > pageLimits.most) throw new Refused("LIMIT_EXCEEDED", "page");
  const terms = orderTerms(scope, entity, args["orderBy"]);
  const order = `${entity.name} ${terms.map((one) => [one.name, one.descending, one.nullsFirst].join()).join(";")}`;
  cursors.note(order, args["orderBy"]);
  const [after, before] = [place(args["after"], order, cursors), place(args["before"], order, cursors)];
  return {
    size,
    backward: last !== undefined,
    offset: offset ?? 0,
    terms,
    order,
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
  };
}

function count(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= 0) return value;
  throw badInput("a negative count");
}

function place(text: unknown, order: string, cursors: Cursors): Place | undefined {
  if (text === undefined || text === null) return undefined;
  const found = cursors.find(String(text));
  if (found === undefined || found.order !== order) throw badInput("a cursor of another list");
  return found.place;
}

/** One page. */
export interface Page {
  readonly rows: readonly { readonly row: Row; readonly cursor: () => string }[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** The rows that a list's filter leaves, on all pages. */
export function listed(scope: Scope, rows: readonly Row[], where: unknown): readonly Row[] {
  const left = rows.filter((row) => fits(scope, row, where));
  if (where !== undefined && where !== null && left.length > 0 && left.length < rows.length)
    scope.features.meet("filter that takes some rows and leaves others");
  return left;
}

/** Takes a page out of a list's rows. */
export function takePage(scope: Scope, rows: readonly Row[], wanted: Wanted, cursors: Cursors): Page {
  const { terms, after, before, backward, size, offset, order } = wanted;
  const sign = (a: Place, b: Place) => comparePlaces(scope, terms, [a, b]);
  const all = rows
    .map((row) => ({ row, place: terms.map(({ of }) => of(row)) }))
    .sort((a, b) => sign(a.place, b.place));
  const fromStart = all.filter((one) => after === undefined || sign(one.place, after) > 0);
  const within = fromStart.filter((one) => before === undefined || sign(one.place, before) < 0);
  const begin = backward ? Math.max(within.length - size, 0) : Math.min(offset, within.length);
  const taken = within.slice(begin, begin + size);
  meetPage(scope, wanted, { taken: taken.length, left: within.length - taken.length });
  const isGone = (bound: Place | undefined) =>
    bound !== undefined && taken.length > 0 && !all.some((one) => sign(one.place, bound) === 0);
  if (isGone(after) || isGone(before))
    scope.features.meet("page behind a cursor of a row that is gone or changed");
  if (taken.length === pageLimits.usual) scope.features.meet("page of the usual size");
  return {
    rows: taken.map((one) => ({
      row: one.row,
      cursor: () => cursors.give({ order, place: one.place, identity: one.row.identity }),
    })),
    hasNextPage:
      begin + taken.length < within.length || isCut(all, before, (at) => sign(at, before ?? []) < 0),
    hasPreviousPage: begin > 0 || fromStart.length < all.length,
  };
}

/** Whether some rows do not lie on the wanted side of a cursor. */
function isCut(
  rows: readonly { readonly place: Place }[],
  bound: Place | undefined,
  isInside: (place: Place) => boolean,
): boolean {
  return bound !== undefined && rows.some(({ place: at }) => !isInside(at));
}

function meetPage(scope: Scope, wanted: Wanted, { taken, left }: { taken: number; left: number }): void {
  const { features } = scope;
  features.meet(wanted.backward ? "page from the end" : "page from the start");
  if (taken > 0 && left > 0) features.meet("page with rows beside it");
  if (taken > 1) features.meet("page of two rows or more");
  if (wanted.offset > 0 && taken > 0) features.meet("page behind an offset");
  if (wanted.after !== undefined && taken > 0) features.meet("page behind a cursor");
  if (wanted.before !== undefined && taken > 0) features.meet("page before a cursor");
  if (wanted.after !== undefined && wanted.before !== undefined && taken > 0)
    features.meet("page between cursors");
  if (wanted.terms.length > 1 && taken > 1) features.meet("order by more than one term");
}
