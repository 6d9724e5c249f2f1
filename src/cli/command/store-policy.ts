/** `stores policy`: how each store is collected. */

import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import type { Endpoint } from "../../client/request.ts";
import { ServiceError } from "../../errors.ts";
import { durationText, secondsOption } from "../duration.ts";
import { textTable } from "../text-table.ts";
import { callOf, wrongOption } from "./context.ts";
import { withService } from "./service.ts";

interface PolicyRow {
  readonly store: string;
  readonly mode: string;
  readonly graceSeconds: number;
  readonly keepSeconds: number;
  readonly drainSeconds: number;
}

interface PolicyOptions {
  readonly mode?: string;
  readonly grace?: string;
  readonly keep?: string;
  readonly drain?: string;
}

const fields = "store mode graceSeconds keepSeconds drainSeconds";
const modes = ["off", "report", "on", "restore"];

export function policyCommand(stores: Command): void {
  stores
    .command("policy [name]")
    .description("show how stores are collected, or change how one is")
    .option("--mode <mode>", `how far the collector may go: ${modes.join(", ")}`)
    .option("--grace <time>", "from condemned to killed: 7d, 12h, 0s")
    .option("--keep <time>", "from the trash to gone for good: 30d")
    .option("--drain <time>", "from the trash until the key may be used anew: 30m")
    .action((name: string | undefined, options: PolicyOptions, command: Command) =>
      policy(name, options, command),
    );
}

async function policy(name: string | undefined, options: PolicyOptions, command: Command): Promise<void> {
  const change = changeOf(options);
  const isChange = Object.keys(change).length > 0;
  if (isChange && name === undefined)
    throw new ServiceError("BAD_USER_INPUT", "A policy is changed of one store, which must be named.", {
      details: { field: "name", remedy: "Type: holdfast stores policy <name> …" },
    });
  const { output } = callOf(command);
  const shown = await withService(command, (at) =>
    isChange ? changed(at, { store: name, ...change }) : policiesOf(at, name),
  );
  const rows = shown.map((row) => [
    row.store,
    row.mode.toLowerCase(),
    durationText(row.graceSeconds),
    durationText(row.keepSeconds),
    durationText(row.drainSeconds),
  ]);
  output.result(shown, textTable(["store", "mode", "grace", "keep", "drain"], rows));
}

async function changed(at: Endpoint, input: object): Promise<readonly PolicyRow[]> {
  const mutation = `mutation ($input: StorePolicyInput!) { setStorePolicy(input: $input) { ${fields} } }`;
  return [(await askSystem<{ setStorePolicy: PolicyRow }>(at, mutation, { input })).setStorePolicy];
}

async function policiesOf(at: Endpoint, name: string | undefined): Promise<readonly PolicyRow[]> {
  const { storePolicies } = await askSystem<{ storePolicies: PolicyRow[] }>(
    at,
    `{ storePolicies { ${fields} } }`,
  );
  if (name === undefined) return storePolicies;
  const found = storePolicies.filter(({ store }) => store === name);
  if (found.length > 0) return found;
  throw new ServiceError("STORE_UNKNOWN", `There is no store ${name}.`, {
    details: {
      field: "name",
      value: name,
      remedy: `There are: ${storePolicies.map(({ store }) => store).join(", ")}.`,
    },
  });
}

function changeOf({ mode, grace, keep, drain }: PolicyOptions): object {
  const isMode = mode === undefined || modes.includes(mode.toLowerCase());
  if (!isMode) throw wrongOption("--mode", mode, `one of ${modes.join(", ")}`);
  return {
    ...(mode === undefined ? {} : { mode: mode.toUpperCase() }),
    ...(grace === undefined ? {} : { graceSeconds: secondsOption("--grace", grace) }),
    ...(keep === undefined ? {} : { keepSeconds: secondsOption("--keep", keep) }),
    ...(drain === undefined ? {} : { drainSeconds: secondsOption("--drain", drain) }),
  };
}
