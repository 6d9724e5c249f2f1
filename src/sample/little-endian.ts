/** The bytes of an array, little endian on every machine. */
export function littleEndian(
  values: Float32Array | Float64Array | Uint32Array | Uint16Array,
): Uint8Array<ArrayBuffer> {
  const width = values.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (values instanceof Float64Array) view.setFloat64(i * width, value, true);
    else if (values instanceof Float32Array) view.setFloat32(i * width, value, true);
    else if (values instanceof Uint32Array) view.setUint32(i * width, value, true);
    else view.setUint16(i * width, value, true);
  });
  return bytes;
}
