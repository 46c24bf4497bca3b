// Named values of an object as the disk's extended attributes; xattr(7).
import { Errno } from "../../linux/errno.ts";
import { Scratch } from "../../linux/libc.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "../../linux/xattr.ts";
import type { Failure, NamedValues } from "./store.ts";

// XATTR_SIZE_MAX: the kernel takes no larger value.
const room = new Scratch(65_536);

/** The extended attributes of the object that `fd` holds; `fd` stays the caller's. */
export class ExtendedAttributes implements NamedValues {
  readonly maxValueBytes = 65_536;
  private readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  get(name: string): Uint8Array | Failure {
    const length = getXattr(this.fd, name, room);
    return length < 0 ? length : room.bytes.slice(0, length);
  }

  set(name: string, value: Uint8Array): 0 | Failure {
    return setXattr(this.fd, name, value);
  }

  remove(name: string): 0 | Failure {
    return removeXattr(this.fd, name);
  }

  list(): readonly string[] | Failure {
    const names = listXattrs(this.fd);
    return names === -Errno.EOPNOTSUPP ? [] : names;
  }
}
