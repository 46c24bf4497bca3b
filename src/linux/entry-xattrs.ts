// Extended attributes of a directory's entries by name: getxattrat(2) and listxattrat(2) since Linux 6.13,
// which need a third of the time of a path through /proc/self/fd; that path before. Symlinks are not
// followed.
import { Errno } from "./errno.ts";
import { Scratch, addressOf, cString, sys } from "./libc.ts";
import { At, procPath } from "./open.ts";
import { Syscall } from "./syscall-numbers.ts";
import { firstInSmallRoom } from "./xattr.ts";

const NAME_MAX_BYTES = 255;
const encoder = new TextEncoder();

// XATTR_LIST_MAX: the kernel returns no longer list.
const list = new Scratch(65_536);

// struct xattr_args: the value's address, its size, flags.
const ARGS_SIZE = 16;
const args = new Scratch(ARGS_SIZE);

/** Names of attributes as the kernel takes them: a listing asks for the same few of each entry. */
const encodedNames = new Map<string, Scratch>();
const MAX_ENCODED_NAMES = 16;

/** Returns the address of the attribute's name, valid until the next call, or -errno. */
function addressOfName(attribute: string): number {
  const known = encodedNames.get(attribute);
  if (known !== undefined) return known.address;
  const address = cString(attribute, 1);
  const bytes = encoder.encode(attribute);
  if (address < 0 || bytes.length !== attribute.length) return address;
  if (encodedNames.size >= MAX_ENCODED_NAMES) encodedNames.clear();
  const encoded = new Scratch(bytes.length + 1);
  encoded.bytes.set(bytes);
  encodedNames.set(attribute, encoded);
  return encoded.address;
}

/** Whether the kernel has the calls; found out by the first of them. */
export const entryXattrCalls = { areThere: true };

/** True where the kernel, or a filter of system calls, lacks the calls: the path is used from then on. */
function isMissing(result: number): boolean {
  if (result !== -Errno.ENOSYS && result !== -Errno.EPERM) return false;
  entryXattrCalls.areThere = false;
  return true;
}

/** Names entries of one directory, one at a time. */
export class EntryXattrs {
  private readonly directory: number;
  /** `/proc/self/fd/N/` with room for a name and a NUL. */
  private readonly path: Uint8Array;
  private readonly prefixBytes: number;
  private readonly address: number;

  /** The caller closes `directory`. */
  constructor(directory: number) {
    this.directory = directory;
    const prefix = encoder.encode(`${procPath(directory)}/`);
    this.path = new Uint8Array(prefix.length + NAME_MAX_BYTES + 1);
    this.path.set(prefix);
    this.prefixBytes = prefix.length;
    this.address = addressOf(this.path);
  }

  /** Chooses the entry that the other methods mean; false for a name that is too long. */
  choose(name: Uint8Array): boolean {
    if (name.length > NAME_MAX_BYTES) return false;
    this.path.set(name, this.prefixBytes);
    this.path[this.prefixBytes + name.length] = 0;
    return true;
  }

  /** Address of the entry's name, NUL-terminated, until the next `choose`. */
  get nameAddress(): number {
    return this.address + this.prefixBytes;
  }

  /** Reads a value into `out`. Returns its length or -errno, as getXattr. */
  get(attribute: string, out: Scratch): number {
    return this.read(attribute, out.address, out.bytes.length);
  }

  /** Returns the length of a value, or -errno. */
  lengthOf(attribute: string): number {
    return this.read(attribute, 0, 0);
  }

  /** Returns the NUL-terminated names of all attributes, valid until the next call, or -errno. */
  list(): Uint8Array | number {
    const length = firstInSmallRoom(list.bytes.length, this.readList);
    return length < 0 ? length : list.bytes.subarray(0, length);
  }

  private readonly readList = (size: number): number => {
    let length: number = -Errno.ENOSYS;
    if (entryXattrCalls.areThere) {
      const flags = At.SYMLINK_NOFOLLOW;
      length = sys(Syscall.listxattrat, this.directory, this.nameAddress, flags, list.address, size);
    }
    return isMissing(length) ? sys(Syscall.llistxattr, this.address, list.address, size) : length;
  };

  private read(attribute: string, address: number, size: number): number {
    const name = addressOfName(attribute);
    if (name < 0) return name;
    if (!entryXattrCalls.areThere) return sys(Syscall.lgetxattr, this.address, name, address, size);
    args.view.setUint32(0, address % 0x1_0000_0000, true);
    args.view.setUint32(4, Math.floor(address / 0x1_0000_0000), true);
    args.view.setUint32(8, size, true);
    const entry = this.nameAddress;
    const flags = At.SYMLINK_NOFOLLOW;
    const result = sys(Syscall.getxattrat, this.directory, entry, flags, name, args.address, ARGS_SIZE);
    return isMissing(result) ? sys(Syscall.lgetxattr, this.address, name, address, size) : result;
  }
}
