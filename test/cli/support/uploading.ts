/** `holdfast upload` as a process of its own, whose memory of unfinished uploads lies in the place's folder. */

import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Place } from "../../acceptance/support/place.ts";

const command = resolve(import.meta.dirname, "../../../dist/src/cli/holdfast.js");

/** How a run ended. */
interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command, run in `place.folder`. */
export class Uploading {
  readonly cache: string;
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
    this.cache = join(place.folder, "cache");
  }

  /** Starts `holdfast --server <url> upload <args>`. */
  run(
    url: string,
    ...args: string[]
  ): { readonly ended: Promise<Ended>; kill(signal: NodeJS.Signals): boolean } {
    const env = { ...process.env, NODE_ENV: "", HOLDFAST_TOKEN: "", XDG_CACHE_HOME: this.cache };
    const child = spawn(process.execPath, [command, "--server", url, "upload", ...args], {
      cwd: this.#place.folder,
      env,
    });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text: Buffer) => {
      out += text;
    });
    child.stderr.on("data", (text: Buffer) => {
      err += text;
    });
    const ended = new Promise<Ended>((done) => child.once("close", (code) => done({ code, out, err })));
    return { ended, kill: (signal) => child.kill(signal) };
  }

  /** Files of the uploads that can be gone on with. */
  remembered(): string[] {
    const folder = join(this.cache, "holdfast/uploads");
    return existsSync(folder) ? readdirSync(folder) : [];
  }
}
