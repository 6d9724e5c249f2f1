import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    // vite resolves graphql to its ESM file, other packages to the CommonJS one: two realms. One file for all.
    alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }],
  },
  oxc: { decorator: { legacy: true } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-postgres.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
