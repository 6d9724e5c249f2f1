import { describe, expect, test } from "vitest";
import type { StoreConfig } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { s3Settings } from "../../src/store/s3-config.ts";
import { partBytesOf } from "../../src/store/s3-put-parts.ts";
import { codeOf } from "../contract/store.ts";

function config(driver: Record<string, unknown>, location = "lab/objects"): StoreConfig {
  return {
    name: "cloud",
    protocol: "s3",
    location,
    hashPrefix: "_hash",
    schemaPrefix: "_schema",
    tokenLength: 8,
    driver: { endpoint: "s3.example.org", bucket: "bucket", ...driver },
  };
}

describe("the keys of an S3 store", () => {
  test.each<[Record<string, unknown>, string]>([
    [{}, "https://s3.example.org"],
    [{ secure: true }, "https://s3.example.org"],
    [{ secure: false }, "http://s3.example.org"],
    [{ endpoint: "localhost:9000", secure: false }, "http://localhost:9000"],
    [{ endpoint: "http://localhost:9000" }, "http://localhost:9000"],
    [{ endpoint: "https://s3.example.org/", secure: false }, "https://s3.example.org"],
  ])("%j is at %s", (driver, endpoint) => {
    expect(s3Settings(config(driver), {}).endpoint).toBe(endpoint);
  });

  test.each([
    ["s3.eu-central-1.amazonaws.com", {}, "eu-central-1"],
    ["s3.dualstack.us-gov-west-1.amazonaws.com", {}, "us-gov-west-1"],
    ["s3.amazonaws.com", {}, "us-east-1"],
    ["s3.amazonaws.com", { AWS_REGION: "eu-west-3" }, "eu-west-3"],
    ["abc.r2.cloudflarestorage.com", { AWS_REGION: "eu-west-3" }, "auto"],
    ["minio.lab", { AWS_DEFAULT_REGION: "here" }, "here"],
  ])("%s is in its region", (endpoint, environment, region) => {
    expect(s3Settings(config({ endpoint }), environment).region).toBe(region);
  });

  test.each([
    ["", ""],
    ["/", ""],
    ["lab", "lab/"],
    ["/lab/objects/", "lab/objects/"],
  ])("the location %j is the prefix %j", (location, prefix) => {
    expect(s3Settings(config({}, location), {}).prefix).toBe(prefix);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ access_key: "a" }, "secret_key"],
    [{ secret_key: "hidden" }, "access_key"],
    [{ access_key: 5, secret_key: "hidden" }, "access_key"],
    [{ access_key: "a", secret_key: " " }, "secret_key"],
    [{ endpoint: "ftp://example.org" }, "endpoint"],
    [{ endpoint: "example.org/path" }, "endpoint"],
    [{ endpoint: "https://user:hidden@example.org" }, "endpoint"],
    [{ endpoint: "http://example.org", secure: true }, "endpoint"],
    [{ secure: "yes" }, "secure"],
    [{ bucket: "a/b" }, "bucket"],
    [{ bucket: ".." }, "bucket"],
    [{ proxy_server: "::" }, "proxy_server"],
  ])("%j is refused, naming the key and no secret", (driver, key) => {
    const attempt = () => s3Settings(config(driver), {});
    expect(attempt).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(attempt).toThrow(new RegExp(`^stores\\.cloud\\.${key} `));
    expect(attempt).not.toThrow(/hidden/);
  });

  test.each(["a//b", "../a", "a/./b", "a\\b", "x".repeat(501)])("the location %j is refused", (location) => {
    expect(() => s3Settings(config({}, location), {})).toThrow(/^stores\.cloud\.location /);
  });
});

describe("addressing", () => {
  const keys = { access_key: "a", secret_key: "b" };
  const urlOf = async (driver: Record<string, unknown>): Promise<URL> => {
    const { presign } = createS3Driver(config({ ...keys, ...driver }));
    return new URL((await presign?.("k", { expiresInSeconds: 9, disposition: "attachment" })) ?? "");
  };

  test("puts the bucket into the host for AWS, into the path for all others", async () => {
    const aws = await urlOf({ endpoint: "s3.eu-central-1.amazonaws.com" });
    expect([aws.host, aws.pathname]).toEqual(["bucket.s3.eu-central-1.amazonaws.com", "/lab/objects/k"]);
    const other = await urlOf({});
    expect([other.host, other.pathname]).toEqual(["s3.example.org", "/bucket/lab/objects/k"]);
  });

  test("refuses a key that is too long with its location", async () => {
    const driver = createS3Driver(config(keys, "l".repeat(60)));
    const long = Array.from({ length: 5 }, () => "x".repeat(195)).join("/");
    expect(await codeOf(driver.head(long))).toBe("BAD_USER_INPUT");
  });
});

describe("part sizes", () => {
  const mib = 1 << 20;
  const sum = (least: number, sizeBytes?: number): number => {
    let all = 0;
    for (let number = 1; number <= 10_000; number++) all += partBytesOf(number, least, sizeBytes);
    return all;
  };

  test.each([1, 50_000 * mib, 80_000 * mib, 80_001 * mib, 640_000 * mib])(
    "%i bytes fit 10,000 equal parts",
    (size) => {
      expect(partBytesOf(1, 8 * mib, size)).toBe(partBytesOf(9_999, 8 * mib, size));
      expect(sum(8 * mib, size)).toBeGreaterThanOrEqual(size);
    },
  );

  test("grow for a body of unknown size, to 64 MiB", () => {
    expect(partBytesOf(1, 8 * mib, undefined)).toBe(8 * mib);
    expect(partBytesOf(10_000, 8 * mib, undefined)).toBe(64 * mib);
    expect(sum(8 * mib)).toBeGreaterThan(350_000 * mib);
  });
});
