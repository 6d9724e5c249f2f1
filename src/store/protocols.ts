/** Keys that a store's configuration has beside the common ones, by protocol. */

/** Keys of one protocol, DataJoint's for ours. */
export interface ProtocolKeys {
  readonly required: readonly string[];
  readonly further: readonly string[];
}

/** Protocols that are served, or known to DataJoint, without any plugin. */
export const ownProtocols: Readonly<Record<string, ProtocolKeys>> = {
  file: { required: ["location"], further: [] },
  s3: {
    required: ["endpoint", "bucket", "location"],
    further: ["access_key", "secret_key", "secure", "proxy_server"],
  },
  gcs: { required: ["bucket", "location"], further: ["token", "project"] },
  azure: {
    required: ["container", "location"],
    further: ["account_name", "account_key", "connection_string"],
  },
};
