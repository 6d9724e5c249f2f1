/** `capability`: the keys that sign the URLs of values and uploads. */

import type { Command } from "commander";
import { askSystem } from "../../client/ask.ts";
import { textTable } from "../text-table.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

interface KeyRow {
  readonly id: string;
  readonly state: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  readonly lastExpiryAt: string | null;
}

const selection = "id state createdAt revokedAt lastExpiryAt";

export function capabilityCommands(program: Command): void {
  const capability = program
    .command("capability")
    .description("the keys that sign the URLs of values and uploads");
  capability
    .command("list", { isDefault: true })
    .description("list the keys, never their secrets")
    .action((_, command: Command) => list(command));
  capability
    .command("rotate")
    .description("sign new URLs with a new key; URLs that are out live on until they expire")
    .action((_, command: Command) => rotate(command));
  capability
    .command("revoke <id>")
    .description("end every URL that a key has signed")
    .action((id: string, _, command: Command) => revoke(id, command));
}

async function list(command: Command): Promise<void> {
  const { capabilityKeys } = await withService(command, (at) =>
    askSystem<{ capabilityKeys: KeyRow[] }>(at, `{ capabilityKeys { ${selection} } }`),
  );
  const rows = capabilityKeys.map((key) => [key.id, key.state, key.createdAt, until(key)]);
  callOf(command).output.result(capabilityKeys, textTable(["key", "state", "made", "its URLs"], rows));
}

function until({ state, revokedAt, lastExpiryAt }: KeyRow): string {
  if (revokedAt !== null) return `ended ${revokedAt}`;
  if (lastExpiryAt !== null) return `live until ${lastExpiryAt} at most`;
  return state === "PENDING" ? "none yet" : "live until they expire";
}

async function rotate(command: Command): Promise<void> {
  const { output } = callOf(command);
  const { made, before } = await withService(command, async (at) => {
    const { capabilityKeys } = await askSystem<{ capabilityKeys: KeyRow[] }>(
      at,
      "{ capabilityKeys { id state } }",
    );
    const mutation = `mutation { made: rotateCapabilityKey { ${selection} } }`;
    const { made } = await askSystem<{ made: KeyRow }>(at, mutation);
    return { made, before: capabilityKeys.find(({ state }) => state === "CURRENT") };
  });
  output.result(made, `Key ${made.id} signs new URLs within seconds, on every replica.`);
  if (before !== undefined)
    output.note(
      `URLs of key ${before.id} live on until they expire, 7 days at most; to end them at once:\n  holdfast capability revoke ${before.id}`,
    );
}

async function revoke(id: string, command: Command): Promise<void> {
  const mutation = `mutation ($id: ID!) { key: revokeCapabilityKey(id: $id) { ${selection} } }`;
  const { key } = await withService(command, (at) => askSystem<{ key: KeyRow }>(at, mutation, { id }));
  callOf(command).output.result(
    key,
    `Key ${key.id} is revoked: its URLs open nothing, on every replica within seconds.`,
  );
}
