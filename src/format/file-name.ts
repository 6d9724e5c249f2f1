/** Names of files and paths within folders and stores, as callers give them. */

import { invalid, shown } from "./fault.ts";

const maxNameBytes = 255;
const maxPathBytes = 1024;

/** A plain file name, given back. @throws {CODEC_INVALID_VALUE} for directories in it, `.` and `..`, control characters, or too many bytes. */
export function checkFileName(name: string): string {
  const why = nameFault(name);
  if (why === undefined) return name;
  throw invalid(`${shown(name)} is not a plain file name: ${why}.`, {
    value: name,
    remedy: "Give a name such as notes.txt, without folders.",
  });
}

function nameFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name === "." || name === "..") return "it names a folder";
  if (/[/\\]/.test(name)) return "it holds a slash or backslash";
  if (hasControls(name)) return "it holds a control character";
  if (!name.isWellFormed()) return "it holds half a character (a lone surrogate)";
  const bytes = Buffer.byteLength(name);
  return bytes > maxNameBytes ? `it has ${bytes} bytes, at most ${maxNameBytes} are allowed` : undefined;
}

function hasControls(text: string): boolean {
  return [...text].some((char) => char < " " || char === "\x7f");
}

/** Why a path within a store or folder is not canonical; `undefined`: it is. Canonical is relative, with `/`, and has no empty, `.` or `..` part. */
export function pathFault(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (path.startsWith("/")) return "it is absolute";
  if (/^[A-Za-z]:/.test(path)) return "it names a drive";
  if (path.includes("\\")) return "it holds a backslash";
  if (Buffer.byteLength(path) > maxPathBytes) return `it is longer than ${maxPathBytes} bytes`;
  for (const part of path.split("/")) {
    const fault = part === "" ? "it has an empty part" : nameFault(part);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The name in bytes of another program, without the folders it may carry. */
export function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
}

/** The last suffix with its dot, as Python's `Path.suffix`; empty for `notes`, `.profile` and `notes.`. */
export function suffixOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 && dot < name.length - 1 && /[^.]/.test(name.slice(0, dot)) ? name.slice(dot) : "";
}
