/**
 * The `Origin` header where pages of other sites have no business: browsers let any page open a WebSocket to any address, so a page of
 * another site is refused here, by the same names as the `Host` header.
 */

import { ServiceError } from "../../errors.ts";
import type { HostGuard } from "../host-guard.ts";

/** Lets programs pass, which send no `Origin`, and pages of hosts that this server answers for. @throws {FORBIDDEN} */
export function checkOrigin(
  hosts: HostGuard,
  origin: string | undefined,
  what = "stream from this server",
): void {
  if (origin === undefined) return;
  const parsed = URL.canParse(origin) ? new URL(origin) : undefined;
  try {
    if (parsed !== undefined && /^https?:$/.test(parsed.protocol)) {
      hosts.check(parsed.host);
      return;
    }
  } catch {
    // Refused below, in the words of the header at fault.
  }
  throw new ServiceError("FORBIDDEN", `Pages of ${JSON.stringify(origin.slice(0, 200))} may not ${what}.`, {
    details: {
      field: "Origin",
      value: origin.slice(0, 200),
      remedy: "Add the page's host name to HOLDFAST_HOSTS, separated by commas.",
    },
  });
}
