/**
 * Which addresses an import may connect to.
 *
 * What is allowed is listed, not what is forbidden: an address that nobody thought of is refused.
 */

import ipaddr from "ipaddr.js";

/** How far a host is trusted: `public` hosts must have public addresses; `private` ones were named by whoever runs the service. */
export type Trust = "public" | "private";

/** Where IPv6 addresses are given out to the public. @source https://www.iana.org/assignments/ipv6-unicast-address-assignments */
const globalUnicast: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];

/** Clouds answer about the machine and its credentials here, although the address is a public one. */
const wireServer = "168.63.129.16";

/** Ranges that a host named as private may lie in. Link-local is none of them: that is where clouds keep credentials. */
const privateRanges: ReadonlySet<string> = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"]);

/** Whether an import may connect to `address`, an address in any notation; what is no address may not. */
export function isAllowed(address: string, trust: Trust): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (isPublic(parsed)) return true;
  return trust === "private" && privateRanges.has(parsed.range());
}

/** The same address in one spelling, so that two can be compared. */
export function canonicalAddress(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toNormalizedString() : address;
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== "unicast") return false;
  if (address instanceof ipaddr.IPv4) return address.toString() !== wireServer;
  return address.match(globalUnicast) && !isIsatap(address);
}

/** ISATAP hides an IPv4 address in the last 32 bits. @source https://www.rfc-editor.org/rfc/rfc5214#section-6.1 */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return ((parts[4] ?? 0) & 0xfdff) === 0 && parts[5] === 0x5efe;
}
