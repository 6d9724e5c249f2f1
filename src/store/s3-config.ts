/** What the keys of an S3 store mean: `docs/reference/stores.md`, "S3". The SDK is not loaded for it. */

import { readFileSync } from "node:fs";
import { ServiceError } from "../errors.ts";
import type { StoreConfig } from "./contract.ts";

/** One S3 store, ready to be connected to. */
export interface S3Settings {
  /** Name of the store, for messages. */
  readonly name: string;
  /** With its scheme, without a path. */
  readonly endpoint: string;
  readonly isAws: boolean;
  readonly region: string;
  readonly bucket: string;
  /** Put before every path; empty, or ending in `/`. */
  readonly prefix: string;
  /** Absent: the machine's own, found as every AWS client finds them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly proxy?: string;
  /** Certificates of authorities that are trusted besides the usual ones, PEM. */
  readonly authorities?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the keys of one store. @throws {CONFIG_INVALID} naming the key and the remedy. */
export function s3Settings(config: StoreConfig, environment: Environment): S3Settings {
  const endpoint = endpointOf(config);
  const { hostname } = new URL(endpoint);
  const isAws = /(^|\.)amazonaws\.com(\.cn)?$/.test(hostname);
  const credentials = credentialsOf(config);
  const proxy = config.driver["proxy_server"];
  const bundle = environment["AWS_CA_BUNDLE"];
  return {
    name: config.name,
    endpoint,
    isAws,
    region: regionOf(hostname, environment),
    bucket: bucketOf(config),
    prefix: prefixOf(config),
    ...(credentials === undefined ? {} : { credentials }),
    ...(proxy === undefined ? {} : { proxy: proxyOf(config, proxy) }),
    ...(bundle === undefined || bundle === "" ? {} : { authorities: authoritiesIn(bundle) }),
  };
}

/** Scheme, host and port of the endpoint. A scheme in it counts; without one, `secure` decides. */
function endpointOf(config: StoreConfig): string {
  const text = textOf(config, "endpoint");
  const secure = config.driver["secure"] ?? true;
  if (typeof secure !== "boolean")
    throw wrong(config, "secure", "must be true or false", "Write it unquoted.");
  const scheme = /^(https?):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "http" && config.driver["secure"] === true) {
    throw wrong(config, "endpoint", "begins with http:// but secure is true", "Take one of the two away.");
  }
  const whole = scheme === undefined ? `${secure ? "https" : "http"}://${text}` : text;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || url.username !== "" || !/^\/*$/.test(url.pathname) || url.search || url.hash) {
    throw wrong(
      config,
      "endpoint",
      "is no host, host:port or URL without path",
      "For example s3.example.org.",
    );
  }
  return url.origin;
}

function regionOf(host: string, environment: Environment): string {
  const told = /^(?:s3|s3-fips)(?:\.dualstack)?[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?$/.exec(
    host,
  );
  if (told?.[1] !== undefined) return told[1];
  if (host.endsWith(".r2.cloudflarestorage.com") || host === "storage.googleapis.com") return "auto";
  return environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"] || "us-east-1";
}

function bucketOf(config: StoreConfig): string {
  const bucket = textOf(config, "bucket");
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(bucket) && !bucket.includes("..")) return bucket;
  throw wrong(
    config,
    "bucket",
    "is no bucket name",
    "Use letters, digits, '.', '_' and '-', three at least.",
  );
}

function prefixOf(config: StoreConfig): string {
  const location = config.location.replace(/^\/+|\/+$/g, "");
  if (location === "") return "";
  const isPlain = location
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && !/[\p{Cc}\\]/u.test(part));
  if (isPlain && Buffer.byteLength(location) <= 500) return `${location}/`;
  throw wrong(config, "location", "is no canonical path", "Use plain names joined by single '/'.");
}

function credentialsOf(config: StoreConfig): S3Settings["credentials"] {
  const keys = ["access_key", "secret_key"] as const;
  const given = keys.filter((key) => config.driver[key] !== undefined);
  if (given.length === 0) return undefined;
  const missing = keys.find((key) => !given.includes(key));
  if (missing !== undefined) {
    throw wrong(
      config,
      missing,
      `is missing beside ${given[0]}`,
      "Give both, or neither to use the machine's own.",
    );
  }
  return { accessKeyId: textOf(config, "access_key"), secretAccessKey: textOf(config, "secret_key") };
}

function proxyOf(config: StoreConfig, value: unknown): string {
  const text = typeof value === "string" && !/^https?:\/\//i.test(value) ? `http://${value}` : value;
  if (typeof text === "string" && URL.canParse(text)) return text;
  throw wrong(config, "proxy_server", "is no URL", "For example http://proxy.example.org:3128.");
}

/** As the AWS command line and the peer's client read them. */
function authoritiesIn(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  } catch (cause) {
    throw badBundle(file, "cannot be read", cause);
  }
  throw badBundle(file, "has no certificate");
}

function badBundle(file: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError("CONFIG_INVALID", `AWS_CA_BUNDLE names ${file}, which ${what}.`, {
    details: { field: "AWS_CA_BUNDLE", file, remedy: "Name a file of certificates in PEM, or unset it." },
    cause,
  });
}

function textOf(config: StoreConfig, key: string): string {
  const value = config.driver[key];
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  throw wrong(config, key, "must be text", "Put it in quotes.");
}

/** Values are not told: they may be secrets. */
function wrong(config: StoreConfig, key: string, what: string, remedy: string): ServiceError {
  const field = `stores.${config.name}.${key}`;
  return new ServiceError("CONFIG_INVALID", `${field} ${what}. ${remedy}`, { details: { field, remedy } });
}
