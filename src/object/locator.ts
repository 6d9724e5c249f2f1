/** An object's name in the database: `store:path`. Store names hold no colon, so the first one divides. */

/** Joins store and path. */
export function locatorOf(store: string, path: string): string {
  return `${store}:${path}`;
}

/** Divides a locator; `undefined` when it has no colon. */
export function parseLocator(locator: string): { readonly store: string; readonly path: string } | undefined {
  const at = locator.indexOf(":");
  return at <= 0 ? undefined : { store: locator.slice(0, at), path: locator.slice(at + 1) };
}
