/**
 * Elements of an array in the other memory order, C (the last axis is the fastest) to Fortran (the first one is) or back; and complex numbers as
 * pairs or as all real parts before all imaginary ones. These are transpositions, done by blocks of whole items.
 */

type Units = Uint8Array | Uint16Array | Uint32Array;

/** Elements of a block of both sides stay in the processor's cache. */
const tile = 32;

/**
 * The same elements in the other order. Where nothing changes the given bytes are the answer.
 *
 * @shape `shape` in elements; `bytes` holds them all, in the order `from`
 */
export function reorder(
  bytes: Uint8Array,
  layout: { readonly shape: readonly number[]; readonly itemSizeBytes: number; readonly from: "C" | "F" },
): Uint8Array {
  const axes = layout.shape.filter((n) => n !== 1);
  if (axes.length < 2 || bytes.length === 0) return bytes;
  // From Fortran to C is the same with the axes read backwards.
  if (layout.from === "F") axes.reverse();
  const out = new Uint8Array(bytes.length);
  const width = unitBytes(layout.itemSizeBytes);
  const [source, target] = [unitsOf(aligned(bytes, width), width), unitsOf(out, width)];
  const perItem = layout.itemSizeBytes / width;
  const rows = axes[0] ?? 1;
  const columns = axes.at(-1) ?? 1;
  const middle = axes.slice(1, -1);
  const plane = { rows, columns, rowStep: product(axes.slice(1)), columnStep: product(axes.slice(0, -1)) };
  const at = new Array<number>(middle.length).fill(0);
  for (;;) {
    const [from, to] = originOf(at, middle, plane);
    transposePlane({ source, target, perItem }, { ...plane, from, to });
    if (!advance(at, middle)) return out;
  }
}

/** Pairs to all real parts, then all imaginary ones; `itemSizeBytes` is that of a pair. */
export function splitComplex(bytes: Uint8Array, itemSizeBytes: number): Uint8Array {
  const shape = [bytes.length / itemSizeBytes, 2];
  return reorder(bytes, { shape, itemSizeBytes: itemSizeBytes / 2, from: "C" });
}

/** All real parts, then all imaginary ones, to pairs; `itemSizeBytes` is that of a pair. */
export function joinComplex(bytes: Uint8Array, itemSizeBytes: number): Uint8Array {
  const shape = [bytes.length / itemSizeBytes, 2];
  return reorder(bytes, { shape, itemSizeBytes: itemSizeBytes / 2, from: "F" });
}

/** Largest number that copies an item whole and always lies aligned. */
function unitBytes(itemSizeBytes: number): 1 | 2 | 4 {
  return itemSizeBytes % 4 === 0 ? 4 : itemSizeBytes % 2 === 0 ? 2 : 1;
}

function aligned(bytes: Uint8Array, width: number): Uint8Array {
  // Not slice(): that of a Buffer is a view.
  return bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
}

function unitsOf({ buffer, byteOffset, length }: Uint8Array, width: 1 | 2 | 4): Units {
  if (width === 4) return new Uint32Array(buffer, byteOffset, length / 4);
  if (width === 2) return new Uint16Array(buffer, byteOffset, length / 2);
  return new Uint8Array(buffer, byteOffset, length);
}

function product(axes: readonly number[]): number {
  return axes.reduce((all, n) => all * n, 1);
}

interface Plane {
  /** Length of the first and of the last axis. */
  readonly rows: number;
  readonly columns: number;
  /** Elements from one row to the next in the source, and from one column to the next in the target. */
  readonly rowStep: number;
  readonly columnStep: number;
}

/** Where the plane of these middle indexes begins, in both. */
function originOf(
  at: readonly number[],
  middle: readonly number[],
  { rows, columns }: Plane,
): [number, number] {
  let from = 0;
  let to = 0;
  let step = rows;
  for (let k = 0; k < middle.length; k++) {
    from = from * (middle[k] ?? 1) + (at[k] ?? 0);
    to += (at[k] ?? 0) * step;
    step *= middle[k] ?? 1;
  }
  return [from * columns, to];
}

function advance(at: number[], middle: readonly number[]): boolean {
  for (let k = middle.length - 1; k >= 0; k--) {
    at[k] = (at[k] ?? 0) + 1;
    if ((at[k] ?? 0) < (middle[k] ?? 0)) return true;
    at[k] = 0;
  }
  return false;
}

interface Sides {
  readonly source: Units;
  readonly target: Units;
  readonly perItem: number;
}

function transposePlane(sides: Sides, plane: Plane & { readonly from: number; readonly to: number }): void {
  const { rows, columns } = plane;
  for (let row = 0; row < rows; row += tile) {
    const rowEnd = Math.min(row + tile, rows);
    for (let column = 0; column < columns; column += tile) {
      const block = { row, rowEnd, column, columnEnd: Math.min(column + tile, columns) };
      if (sides.perItem === 1) copySingle(sides, plane, block);
      else if (sides.perItem === 2) copyPairs(sides, plane, block);
      else copyGroups(sides, plane, block);
    }
  }
}

interface Block {
  readonly row: number;
  readonly rowEnd: number;
  readonly column: number;
  readonly columnEnd: number;
}

type Placed = Plane & { readonly from: number; readonly to: number };

// Three loops that differ in the items' width alone: one that asks for it at each element takes three times as long.

function copySingle(
  { source, target }: Sides,
  { from, to, rowStep, columnStep }: Placed,
  block: Block,
): void {
  for (let column = block.column; column < block.columnEnd; column++) {
    let read = from + block.row * rowStep + column;
    let write = to + block.row + column * columnStep;
    for (let row = block.row; row < block.rowEnd; row++) {
      target[write++] = source[read] as number;
      read += rowStep;
    }
  }
}

function copyPairs({ source, target }: Sides, { from, to, rowStep, columnStep }: Placed, block: Block): void {
  for (let column = block.column; column < block.columnEnd; column++) {
    let read = 2 * (from + block.row * rowStep + column);
    let write = 2 * (to + block.row + column * columnStep);
    for (let row = block.row; row < block.rowEnd; row++) {
      target[write++] = source[read] as number;
      target[write++] = source[read + 1] as number;
      read += 2 * rowStep;
    }
  }
}

function copyGroups(sides: Sides, { from, to, rowStep, columnStep }: Placed, block: Block): void {
  const { source, target, perItem } = sides;
  for (let column = block.column; column < block.columnEnd; column++) {
    for (let row = block.row; row < block.rowEnd; row++) {
      const read = perItem * (from + row * rowStep + column);
      const write = perItem * (to + row + column * columnStep);
      for (let k = 0; k < perItem; k++) target[write + k] = source[read + k] as number;
    }
  }
}
