/** The row of an object as DataJoint's codec `object` writes it, key for key. @source DataJoint 2.3 `<object@store>` */

/** What is known of an object once it is written; `StoredObject` of the codec contract fits. */
interface Written {
  readonly path: string;
  readonly store: string;
  readonly sizeBytes: number;
  readonly ext?: string;
  readonly isTree: boolean;
  readonly itemCount?: number;
  readonly writtenAt: Date;
  readonly sha256?: string;
}

/** The keys of a file or folder, and of a file its digest, which is ours. */
export function objectRow(object: Written) {
  const { path, store, sizeBytes: size, ext, isTree, itemCount, writtenAt, sha256 } = object;
  return {
    path,
    store,
    size,
    ext: ext ?? (isTree ? null : ""),
    is_dir: isTree,
    item_count: isTree ? (itemCount ?? null) : null,
    timestamp: writtenAt.toISOString().replace("Z", "+00:00"),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}
