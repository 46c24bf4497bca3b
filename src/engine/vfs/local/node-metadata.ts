// Named values, owner and rights of a LocalNode, by operations of the table.
import type { MaybePromise } from "../../../port/port.ts";
import { Errno } from "../../../linux/errno.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import type { Count, Failure, ObjectSecurity, PosixRights, SecurityChange } from "../store.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import type { LargeValues, NamedValues, ValueOverflow, ValueSize } from "../value-store.ts";
import { MAX_LARGE_VALUE_BYTES } from "../values/large-values.ts";
import type { OperationArgs, OperationResult } from "../disk/operations.ts";

export class NodeSecurity implements ObjectSecurity {
  private readonly node: ObjectOperations;

  constructor(node: ObjectOperations) {
    this.node = node;
  }

  readDescriptor(): MaybePromise<SecurityDescriptor | Failure> {
    const { node } = this;
    return node.isClosed ? -Errno.EBADF : node.run("readDescriptor", node.fd, node.path);
  }

  readRights(): MaybePromise<PosixRights | Failure> {
    const { node } = this;
    return node.isClosed ? -Errno.EBADF : node.run("readRights", node.fd);
  }

  write(change: SecurityChange): MaybePromise<0 | Failure> {
    const { node } = this;
    return node.isClosed ? -Errno.EBADF : node.run("writeSecurity", node.fd, node.path, change);
  }
}

/** Runs an operation of the table on one object. */
interface ObjectOperations {
  readonly fd: number;
  readonly path: string;
  readonly isClosed: boolean;
  run<K extends MetadataOperation>(
    name: K,
    ...args: OperationArgs<K>
  ): MaybePromise<OperationResult<K> | Failure>;
  /** Makes the call if it need not wait; -EAGAIN where `runInWorker` must make it. */
  runNow<K extends MetadataOperation>(name: K, ...args: OperationArgs<K>): OperationResult<K> | Failure;
  /** `buffer` has the address that is among the arguments. */
  runInWorker<K extends MetadataOperation>(
    name: K,
    args: OperationArgs<K>,
    buffer?: TransferBuffer,
  ): MaybePromise<OperationResult<K> | Failure>;
}

type MetadataOperation =
  | "getValue"
  | "setValue"
  | "removeValue"
  | "listValues"
  | "readDescriptor"
  | "readRights"
  | "writeSecurity"
  | LargeOperation;

type LargeOperation =
  | "measureValues"
  | "readValue"
  | "writeValue"
  | "truncateValue"
  | "zeroValue"
  | "flushValue"
  | "storeValue"
  | "renameValue";

export class NodeValues implements NamedValues {
  readonly areAttributes: boolean;
  readonly overflow: ValueOverflow = {
    set: (name, value) => this.node.run("setValue", this.node.fd, this.node.path, name, value, true),
  };
  readonly large: LargeValues;
  private readonly node: ObjectOperations;

  constructor(node: ObjectOperations, areAttributes: boolean) {
    this.node = node;
    this.areAttributes = areAttributes;
    this.large = new NodeLargeValues(node);
  }

  get(name: string): MaybePromise<Uint8Array | Failure> {
    return this.node.run("getValue", this.node.fd, this.node.path, name);
  }

  set(name: string, value: Uint8Array): MaybePromise<0 | Failure> {
    return this.node.run("setValue", this.node.fd, this.node.path, name, value);
  }

  remove(name: string, keepsAppleDouble = false): MaybePromise<0 | Failure> {
    return this.node.run("removeValue", this.node.fd, this.node.path, name, keepsAppleDouble);
  }

  list(): MaybePromise<readonly string[] | Failure> {
    return this.node.run("listValues", this.node.fd, this.node.path);
  }
}

/** Measured on 2 cores: 50 µs for a data file, of which an object may have a thousand. */
const MAX_MEASURED_AT_ONCE = 32;

/** Changes are made in a worker. */
class NodeLargeValues implements LargeValues {
  readonly maxBytes = MAX_LARGE_VALUE_BYTES;
  private readonly node: ObjectOperations;

  constructor(node: ObjectOperations) {
    this.node = node;
  }

  measure(names: readonly string[]): MaybePromise<readonly (ValueSize | Failure)[] | Failure> {
    const { node } = this;
    if (names.length > MAX_MEASURED_AT_ONCE)
      return node.runInWorker("measureValues", [node.fd, node.path, names]);
    return node.run("measureValues", node.fd, node.path, names);
  }

  read(
    name: string,
    buffer: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): MaybePromise<Count | Failure> {
    const { fd, path } = this.node;
    if (length === 0) return 0;
    const address = buffer.address + at;
    const count = this.node.runNow("readValue", fd, path, name, address, length, offset);
    if (count !== -Errno.EAGAIN) return count;
    return this.node.runInWorker("readValue", [fd, path, name, address, length, offset], buffer);
  }

  write(
    name: string,
    buffer: TransferBuffer,
    at: number,
    length: number,
    offset: number,
  ): MaybePromise<Count | Failure> {
    const { fd, path } = this.node;
    if (length === 0) return 0;
    return this.node.runInWorker("writeValue", [fd, path, name, buffer.address + at, length, offset], buffer);
  }

  truncate(name: string, size: number): MaybePromise<0 | Failure> {
    return this.node.runInWorker("truncateValue", [this.node.fd, this.node.path, name, size]);
  }

  zeroRange(name: string, offset: number, length: number): MaybePromise<Count | Failure> {
    return this.node.runInWorker("zeroValue", [this.node.fd, this.node.path, name, offset, length]);
  }

  flush(name: string): MaybePromise<0 | Failure> {
    return this.node.runInWorker("flushValue", [this.node.fd, this.node.path, name]);
  }

  store(name: string, data: Uint8Array | undefined, bytes: number): MaybePromise<0 | Failure> {
    return this.node.runInWorker("storeValue", [this.node.fd, this.node.path, name, data, bytes]);
  }

  rename(name: string, newName: string): MaybePromise<0 | Failure> {
    return this.node.runInWorker("renameValue", [this.node.fd, this.node.path, name, newName]);
  }
}
