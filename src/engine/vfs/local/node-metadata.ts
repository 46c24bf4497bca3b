// Named values, owner and rights of a LocalNode, by operations of the table.
import type { MaybePromise } from "../../../port/port.ts";
import { Errno } from "../../../linux/errno.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import type {
  Failure,
  ObjectSecurity,
  PosixRights,
  SecurityChange,
  NamedValues,
  ValueOverflow,
} from "../store.ts";
import { MAX_SIDECAR_VALUE_BYTES } from "../sidecar/format.ts";
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
  run<K extends MetadataOperation>(name: K, ...args: OperationArgs<K>): MaybePromise<OperationResult<K>>;
}

type MetadataOperation =
  "getValue" | "setValue" | "removeValue" | "listValues" | "readDescriptor" | "readRights" | "writeSecurity";

export class NodeValues implements NamedValues {
  readonly maxValueBytes: number;
  readonly overflow: ValueOverflow = {
    maxBytes: MAX_SIDECAR_VALUE_BYTES,
    set: (name, value) => this.node.run("setValue", this.node.fd, this.node.path, name, value, true),
  };
  private readonly node: ObjectOperations;

  constructor(node: ObjectOperations, maxValueBytes: number) {
    this.node = node;
    this.maxValueBytes = maxValueBytes;
  }

  get(name: string): MaybePromise<Uint8Array | Failure> {
    return this.node.run("getValue", this.node.fd, this.node.path, name);
  }

  set(name: string, value: Uint8Array): MaybePromise<0 | Failure> {
    return this.node.run("setValue", this.node.fd, this.node.path, name, value);
  }

  remove(name: string): MaybePromise<0 | Failure> {
    return this.node.run("removeValue", this.node.fd, this.node.path, name);
  }

  list(): MaybePromise<readonly string[] | Failure> {
    return this.node.run("listValues", this.node.fd, this.node.path);
  }
}
