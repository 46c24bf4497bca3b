// The interfaces of named values, which a file store implements for the engine; see store.ts.
import type { MaybePromise } from "../../port/port.ts";
import type { NumberOf } from "../../wire/status.ts";
import type { TransferBuffer } from "./transfer-buffer.ts";

type Failure = NumberOf<"errno">;
type Count = NumberOf<"count">;

/**
 * Named values stored with an object: extended attributes, or entries of the sidecar on disks without them.
 * Names are full attribute names (`user.DOSATTRIB`, `security.NTACL`). The calls run with the server's
 * rights: the caller has checked access before.
 */
export interface NamedValues {
  /** True where the values are extended attributes of at most 65,536 bytes; false on a disk without them. */
  readonly areAttributes: boolean;
  /** Returns a copy of the value; -ENODATA where there is none, -EOPNOTSUPP where none can be stored. */
  get(name: string): MaybePromise<Uint8Array | Failure>;
  /** Creates or replaces a value; -ENOSPC, -E2BIG or -ERANGE where it is too large for the disk. */
  set(name: string, value: Uint8Array): MaybePromise<0 | Failure>;
  /** -ENODATA where there is none. With `keepsAppleDouble` a value in an AppleDouble file stays there. */
  remove(name: string, keepsAppleDouble?: boolean): MaybePromise<0 | Failure>;
  /** Returns all names; an empty list where values cannot be stored. */
  list(): MaybePromise<readonly string[] | Failure>;
  /**
   * Stores values that the disk's extended attributes have no room for; `get`, `remove` and `list` include
   * them.
   */
  readonly overflow?: ValueOverflow;
  /** Values in parts. Absent where all are small. */
  readonly large?: LargeValues;
}

export interface ValueOverflow {
  /** As `NamedValues.set`, but a value that is too large for an extended attribute goes into the sidecar. */
  set(name: string, value: Uint8Array): MaybePromise<0 | Failure>;
}

/** An extended attribute, in the sidecar's entry for the object, or a file of its own in the sidecar. */
export const ValuePlace = { ATTRIBUTE: 0, ENTRY: 1, FILE: 2 } as const;
export type ValuePlace = (typeof ValuePlace)[keyof typeof ValuePlace];

export interface ValueSize {
  readonly bytes: Count;
  /** The last byte; -1 for an empty value and for a file. */
  readonly last: number;
  readonly place: ValuePlace;
}

/**
 * Reads any value in parts, and changes values that are files of their own (`ValuePlace.FILE`) like files;
 * the changes fail with -EOPNOTSUPP for other values. -ENODATA where there is no such value.
 */
export interface LargeValues {
  /** The longest value. */
  readonly maxBytes: number;
  /** Returns the sizes in the order of `names`, each -ENODATA where there is no such value. */
  measure(names: readonly string[]): MaybePromise<readonly (ValueSize | Failure)[] | Failure>;
  read(
    name: string,
    buffer: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): MaybePromise<Count | Failure>;
  write(
    name: string,
    buffer: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): MaybePromise<Count | Failure>;
  truncate(name: string, size: number): MaybePromise<0 | Failure>;
  /** As `FileHandle.zeroRange`. */
  zeroRange(name: string, offset: number, length: number): MaybePromise<Count | Failure>;
  /** Syncs a value in the sidecar to the disk. */
  flush(name: string): MaybePromise<0 | Failure>;
  /** Makes the value a file with `data`, or else with the first `bytes` bytes of the present value. */
  store(name: string, data: Uint8Array | undefined, bytes: number): MaybePromise<0 | Failure>;
  /** Renames a value of the sidecar, which replaces one of the new name; -EOPNOTSUPP for an attribute. */
  rename(name: string, newName: string): MaybePromise<0 | Failure>;
}
