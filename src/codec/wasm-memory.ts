/** Caps the memory that WebAssembly libraries of this thread may take; the heap limit of a thread does not count it. */

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const pageBytes = 65_536;
let most: number | undefined;

/** From now on memory grows to `bytes` at most; beyond it the library is told that there is none. */
export function capWasmMemory(bytes: number): void {
  const isFirst = most === undefined;
  most = bytes;
  if (!isFirst) return;
  // The types of Node do not describe it.
  const wasm = Reflect.get(globalThis, "WebAssembly") as { readonly Memory: { readonly prototype: Memory } };
  const { prototype } = wasm.Memory;
  const grow = prototype.grow;
  prototype.grow = function capped(this: Memory, pages: number): number {
    const wanted = this.buffer.byteLength + pages * pageBytes;
    if (most !== undefined && wanted > most)
      throw new RangeError(`WebAssembly memory is capped at ${most} bytes.`);
    return grow.call(this, pages);
  };
}
