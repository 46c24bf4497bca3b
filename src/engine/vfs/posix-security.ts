// Owner and rights of an object on this machine's disks: what node-security.ts does, where the volume wants it done.
import type { MaybePromise } from "../../port/port.ts";
import { Errno } from "../../linux/errno.ts";
import type { SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import type { PosixNode } from "./posix-node.ts";
import type { Failure, ObjectSecurity, PosixRights, SecurityChange } from "./store.ts";

export class PosixSecurity implements ObjectSecurity {
  private readonly node: PosixNode;

  constructor(node: PosixNode) {
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
