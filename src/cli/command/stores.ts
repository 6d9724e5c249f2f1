/** `stores`: what is configured, whether it works, whether it does all that the service will ask of it, and how it is collected. */

import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import { ServiceError } from "../../errors.ts";
import { textTable } from "../text-table.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";
import { policyCommand } from "./store-policy.ts";

interface StoreRow {
  readonly name: string;
  readonly protocol: string;
  readonly location: string;
  readonly isDefault: boolean;
  readonly problem: string | null;
  readonly objectCount: number;
  readonly sizeBytes: string;
}

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

export function storeCommands(program: Command): void {
  const stores = program.command("stores").description("the configured stores");
  stores
    .command("list", { isDefault: true })
    .description("list the configured stores and whether they work")
    .action((_, command: Command) => list(command));
  stores
    .command("verify [name]")
    .description("try on one store, or on all, what the service asks of it")
    .action((name: string | undefined, _, command: Command) => verify(name, command));
  stores
    .command("accept <name>")
    .description(
      "take the location of a store as it is for that store: its marker was lost, or the database restored",
    )
    .action((name: string, _, command: Command) => accept(name, command));
  policyCommand(stores);
}

async function list(command: Command): Promise<void> {
  const query = "{ stores { name protocol location isDefault problem objectCount sizeBytes } }";
  const { stores } = await withService(command, (at) => askSystem<{ stores: StoreRow[] }>(at, query));
  const rows = stores.map((row) => [
    row.name + (row.isDefault ? " (default)" : ""),
    row.protocol,
    row.location,
    String(row.objectCount),
    String(row.sizeBytes),
    row.problem ?? "ok",
  ]);
  callOf(command).output.result(
    stores,
    textTable(["store", "protocol", "location", "objects", "bytes", "state"], rows),
  );
  if (stores.some(({ problem }) => problem !== null)) process.exitCode = 6;
}

async function accept(name: string, command: Command): Promise<void> {
  const mutation = "mutation ($name: String!) { acceptStore(name: $name) { name ok message } }";
  const { acceptStore } = await withService(command, (at) =>
    askSystem<{ acceptStore: Finding }>(at, mutation, { name }),
  );
  callOf(command).output.result(acceptStore, `${name}: ${acceptStore.message}`);
}

async function verify(wanted: string | undefined, command: Command): Promise<void> {
  const verified = await withService(command, async (at) => {
    const names =
      wanted === undefined
        ? (await askSystem<{ stores: { name: string }[] }>(at, "{ stores { name } }")).stores.map(
            ({ name }) => name,
          )
        : [wanted];
    const all: { store: string; findings: Finding[] }[] = [];
    for (const name of names) {
      const mutation = "mutation ($name: String!) { verifyStore(name: $name) { name ok message } }";
      const { verifyStore } = await askSystem<{ verifyStore: Finding[] }>(at, mutation, { name });
      all.push({ store: name, findings: verifyStore });
    }
    return all;
  });
  if (verified.length === 0) {
    throw new ServiceError("STORE_UNKNOWN", "No store is configured.", {
      details: { field: "stores", remedy: "Configure one: docs/reference/stores.md" },
    });
  }
  const rows = verified.flatMap(({ store, findings }) =>
    findings.map(({ name, ok, message }) => [store, ok ? "ok" : "PROBLEM", name, message]),
  );
  callOf(command).output.result(verified, textTable(["store", "", "tried", ""], rows));
  if (verified.some(({ findings }) => findings.some(({ ok }) => !ok))) process.exitCode = 6;
}
