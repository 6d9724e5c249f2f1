/** The S3 servers of the tests, pinned. */

import type { ServerSource } from "./suite.ts";

export const versitygw: ServerSource = {
  name: "versitygw",
  module: "github.com/versity/versitygw/cmd/versitygw",
  version: "v1.8.0",
};

/** The last state of its repository; it has no releases that Go could name. */
export const minio: ServerSource = {
  name: "minio",
  module: "github.com/minio/minio",
  version: "v0.0.0-20260212201848-7aac2a2c5b7c",
};
