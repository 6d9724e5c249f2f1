/** What may be imported, judged from the URL: every notation of an address that is not public, and every host rule. */

import { describe, expect, it } from "vitest";
import { isServiceError, ServiceError } from "../../src/errors.ts";
import { isAllowed } from "../../src/remote/address.ts";
import { checkUrl } from "../../src/remote/rules.ts";
import { remoteSettingsFrom } from "../../src/remote/settings.ts";

const rulesOf = (hosts: string, privateHosts = "") =>
  remoteSettingsFrom({ HOLDFAST_IMPORT_HOSTS: hosts, HOLDFAST_IMPORT_PRIVATE_HOSTS: privateHosts }).rules;

const everything = rulesOf("*");

function codeOf(url: string, rules = everything): string {
  try {
    checkUrl(url, rules);
    return "taken";
  } catch (error) {
    if (isServiceError(error)) return error.code;
    throw error;
  }
}

/** Hosts as they stand in a URL. All lead, or once led somewhere, to an address that is not public. */
const notPublic = [
  // This machine: the dotted form, its short forms, and the numbers that inet_aton takes.
  "127.0.0.1",
  "127.0.0.2",
  "127.255.255.254",
  "127.1",
  "127.0.1",
  "127.000.000.001",
  "2130706433",
  "0x7f000001",
  "0X7F000001",
  "017700000001",
  "0x7f.1",
  "0x7f.0.0.1",
  "0177.0.0.1",
  "0177.0.0.01",
  "127.0.0.0x1",
  "127.0.0.1.",
  "2130706433.",
  "0x7f000001.",
  // Unspecified, which many systems take for this machine.
  "0",
  "0.0.0.0",
  "0x0",
  "00",
  "0.",
  "0.0",
  "0.1.2.3",
  // Digits and full stops that are not ASCII, and percent-encoding.
  "１２７.０.０.１",
  "127。0。0。1",
  "127．0．0．1",
  "①②⑦.⓪.⓪.①",
  "１27.1",
  "%31%32%37.0.0.1",
  "127%2e0%2e0%2e1",
  "¹²⁷.0.0.1",
  // Private networks, carriers' networks, link-local with the clouds' metadata, and what is reserved.
  "10.0.0.1",
  "10.255.255.255",
  "0xa.1",
  "167772161",
  "012.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "192.168.257",
  "0xc0a80001",
  "3232235521",
  "100.64.0.1",
  "100.127.255.255",
  "100.100.100.200",
  "169.254.169.254",
  "169.254.43518",
  "2852039166",
  "0xa9fea9fe",
  "0251.0376.0251.0376",
  "168.63.129.16",
  "192.0.0.192",
  "192.0.2.1",
  "198.18.0.1",
  "198.51.100.7",
  "203.0.113.9",
  "192.88.99.1",
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "255.255.255.255",
  "4294967295",
  // IPv6: the same places, and every form in which an IPv4 address hides.
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[0:0:0:0:0:ffff:7f00:0001]",
  "[::FFFF:10.0.0.1]",
  "[::ffff:169.254.169.254]",
  "[::127.0.0.1]",
  "[::7f00:1]",
  "[::a9fe:a9fe]",
  "[::ffff:0:127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b::8.8.8.8]",
  "[64:ff9b:1::7f00:1]",
  "[2002:7f00:1::]",
  "[2002:a9fe:a9fe::1]",
  "[2002:0808:0808::1]",
  "[2001:0:7f00:1::]",
  "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
  "[2606:4700::5efe:7f00:1]",
  "[2606:4700::200:5efe:a00:1]",
  "[fe80::1]",
  "[febf::1]",
  "[fec0::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[fdff:ffff::1]",
  "[ff02::1]",
  "[ff0e::1]",
  "[100::1]",
  "[2001:db8::1]",
  "[3fff::1]",
  "[2001:10::1]",
  "[2001:20::1]",
  "[2001:2::1]",
  "[5f00::1]",
  "[4000::1]",
];

/** Texts that no URL parser takes for a host. */
const noHost = ["[fe80::1%25eth0]", "[::1", "256.0.0.1", "1.2.3.4.5", "0x7g.1", "[::ffff:0x7f.1]"];

describe("addresses in URLs", () => {
  it.each(notPublic)("%s is refused before anything is asked", (host) => {
    expect(codeOf(`http://${host}/x`)).toBe("IMPORT_REFUSED");
    expect(codeOf(`https://${host}:443/x`)).toBe("IMPORT_REFUSED");
  });

  it.each(noHost)("%s is no host", (host) => {
    expect(["BAD_USER_INPUT", "IMPORT_REFUSED"]).toContain(codeOf(`http://${host}/x`));
  });

  it.each([
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "169.253.0.1",
    "[2606:4700::1111]",
    "[2a00:1450:4001::1]",
  ])("%s is public", (host) => {
    expect(codeOf(`http://${host}/x`)).toBe("taken");
  });
});

describe("addresses of names", () => {
  it.each(["localhost", "", "8.8.8.8.example", "1.2.3", "fe80::1%eth0", "8.8.8.8/8"])(
    "%j is no public address",
    (text) => {
      expect(isAllowed(text, "public")).toBe(text === "1.2.3");
    },
  );

  it.each([
    ["127.0.0.1", true],
    ["::1", true],
    ["10.1.2.3", true],
    ["fd12::1", true],
    ["100.64.1.1", true],
    ["::ffff:10.0.0.1", true],
    ["8.8.8.8", true],
    ["169.254.169.254", false],
    ["::ffff:169.254.169.254", false],
    ["fe80::1", false],
    ["0.0.0.0", false],
    ["::", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["168.63.129.16", false],
    ["64:ff9b::a00:1", false],
  ])("%s of a host that is named as private: %s", (address, allowed) => {
    expect(isAllowed(address, "private")).toBe(allowed);
  });
});

describe("URLs", () => {
  it.each([
    ["ftp://example.org/x", "IMPORT_REFUSED"],
    ["file:///etc/passwd", "IMPORT_REFUSED"],
    ["gopher://example.org/_x", "IMPORT_REFUSED"],
    ["data:text/plain,x", "IMPORT_REFUSED"],
    ["javascript:alert(1)", "IMPORT_REFUSED"],
    ["ws://example.org/x", "IMPORT_REFUSED"],
    ["blob:http://example.org/x", "IMPORT_REFUSED"],
    ["http://user@example.org/x", "IMPORT_REFUSED"],
    ["http://user:secret@example.org/x", "IMPORT_REFUSED"],
    ["http://:secret@example.org/x", "IMPORT_REFUSED"],
    ["http://example.org:22/x", "IMPORT_REFUSED"],
    ["http://example.org:8080/x", "IMPORT_REFUSED"],
    ["https://example.org:6379/x", "IMPORT_REFUSED"],
    ["http://example.org:0/x", "IMPORT_REFUSED"],
    ["http://example.org:65536/x", "BAD_USER_INPUT"],
    ["http://exa mple.org/x", "BAD_USER_INPUT"],
    ["http://example.org/a b", "BAD_USER_INPUT"],
    ["http://example.org/\r\nHost: other", "BAD_USER_INPUT"],
    ["ht\ntp://example.org/", "BAD_USER_INPUT"],
    ["http://example.org/\u0000", "BAD_USER_INPUT"],
    ["http://example.org/\ud800", "BAD_USER_INPUT"],
    ["//example.org/x", "BAD_USER_INPUT"],
    ["example.org/x", "BAD_USER_INPUT"],
    ["/x", "BAD_USER_INPUT"],
    ["", "BAD_USER_INPUT"],
    [`http://example.org/${"x".repeat(8200)}`, "BAD_USER_INPUT"],
    ["http://example.org/x#part", "taken"],
    ["HTTP://EXAMPLE.ORG:80/x?y=z", "taken"],
    ["https://example.org:443/", "taken"],
    ["http://example.org:443/", "taken"],
    ["http://münchen.example/x", "taken"],
  ])("%j: %s", (url, code) => {
    expect(codeOf(url)).toBe(code);
  });

  it.each([
    "http://u:hunter2@example.org/hunter2",
    "http://u:hunter2@exa mple.org/",
    "http://10.0.0.1/hunter2?hunter2",
    "hunter2",
  ])("%s: no path, query or password is repeated", (url) => {
    const refusal = (() => {
      try {
        return checkUrl(url, everything);
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toBeInstanceOf(ServiceError);
    const { message, details } = refusal as ServiceError;
    expect(message + JSON.stringify(details)).not.toContain("hunter2");
  });
});

describe("host rules", () => {
  const some = rulesOf(
    "data.example.org, *.archive.example, [2606:4700::1111], mirror.example:8443",
    "files.lab:8080,127.0.0.1:9000,[::1]:9000",
  );
  it.each([
    ["http://data.example.org/x", "taken"],
    ["https://DATA.example.ORG./x", "taken"],
    ["http://data.example.org:8443/x", "IMPORT_REFUSED"],
    ["http://other.example.org/x", "IMPORT_REFUSED"],
    ["http://data.example.org.evil.example/x", "IMPORT_REFUSED"],
    ["http://evil-data.example.org/x", "IMPORT_REFUSED"],
    ["http://a.archive.example/x", "taken"],
    ["http://a.b.archive.example/x", "taken"],
    ["http://archive.example/x", "IMPORT_REFUSED"],
    ["http://evilarchive.example/x", "IMPORT_REFUSED"],
    ["http://[2606:4700:0::1111]/x", "taken"],
    ["https://mirror.example:8443/x", "taken"],
    ["https://mirror.example/x", "IMPORT_REFUSED"],
    ["http://files.lab:8080/x", "taken"],
    ["http://files.lab/x", "IMPORT_REFUSED"],
    ["http://127.0.0.1:9000/x", "taken"],
    ["http://0x7f.1:9000/x", "taken"],
    ["http://127.0.0.1:9001/x", "IMPORT_REFUSED"],
    ["http://127.0.0.2:9000/x", "IMPORT_REFUSED"],
    ["http://[::1]:9000/x", "taken"],
    ["http://data.example.org\\@files.lab/x", "taken"],
  ])("%s: %s", (url, code) => {
    expect(codeOf(url, some)).toBe(code);
  });

  it("link-local cannot be named as private", () => {
    expect(codeOf("http://169.254.169.254:80/", rulesOf("", "169.254.169.254:80"))).toBe("IMPORT_REFUSED");
  });

  it.each([
    ["HOLDFAST_IMPORT_HOSTS", "http://example.org"],
    ["HOLDFAST_IMPORT_HOSTS", "*.*"],
    ["HOLDFAST_IMPORT_HOSTS", "a*b.org"],
    ["HOLDFAST_IMPORT_HOSTS", "example.org:0"],
    ["HOLDFAST_IMPORT_HOSTS", "example.org:70000"],
    ["HOLDFAST_IMPORT_HOSTS", "10.0.0.0/8"],
    ["HOLDFAST_IMPORT_PRIVATE_HOSTS", "files.lab"],
    ["HOLDFAST_IMPORT_PRIVATE_HOSTS", "*:80"],
    ["HOLDFAST_IMPORT_PRIVATE_HOSTS", "*.lab:80"],
    ["HOLDFAST_IMPORT_LIMIT", "0"],
    ["HOLDFAST_IMPORT_TIMEOUT_MS", "1h"],
    ["HOLDFAST_IMPORT_IDLE_MS", "-1"],
    ["HOLDFAST_MAX_IMPORTS", "many"],
  ])("%s=%s is refused at start", (setting, text) => {
    expect(() => remoteSettingsFrom({ [setting]: text })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(setting) }),
    );
  });

  it("nothing is set: there is no rule", () => {
    expect(remoteSettingsFrom({}).rules).toEqual([]);
  });
});
