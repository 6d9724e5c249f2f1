/** Plugins: what extends the service from files of the user and from packages that the user has declared. */

/** What a plugin may be. */
export type PluginKind = "codec" | "driver";

/** A file whose default export is a plugin. */
export interface PluginFile {
  readonly file: string;
  /** How it is called in messages: the file's path, or a package with its version. */
  readonly source: string;
  /** What the plugin is called, by the name of the file or package; what counts is the name that it gives itself. */
  readonly name: string;
}

/** A plugin that is not in service, and why. */
export interface BrokenPlugin {
  readonly kind: PluginKind;
  readonly name: string;
  readonly source: string;
  readonly problem: string;
  readonly remedy: string;
}

/** One line for logs and messages. */
export function toldOf({ kind, name, source, problem, remedy }: BrokenPlugin): string {
  return `The ${kind} ${name} (${source}) is not in service: ${problem} ${remedy}`;
}
