// All opens of the server, and the files they are of, keyed by identity and not by name: share modes,
// delete-pending; [MS-SMB2] 3.3.1.1 (GlobalOpenTable), [MS-FSA] 2.1.5.1.2.2 (sharing), 2.1.5.5 (close).
import { Access } from "../../wire/access.ts";
import { ShareAccess } from "../../wire/create.ts";
import type { Open } from "./open.ts";
import type { RangeLocks } from "./range-locks.ts";

/** What all opens of one file share. Lives while there is an open. */
export class SharedFile {
  readonly identity: string;
  readonly opens = new Set<Open>();
  /** The share's directory and the path below it, joined: comparable across shares. Follows our renames. */
  path: string;
  /** Undefined while nobody holds or awaits a lock: reads and writes then ask no further. */
  locks: RangeLocks | undefined;
  /** Set by FileDispositionInformation or by the close of a delete-on-close handle. */
  deletePending = false;

  constructor(identity: string, path: string) {
    this.identity = identity;
    this.path = path;
  }

  /** The path below a share's directory `root`. */
  pathBelow(root: string): string {
    return this.path.length > root.length ? this.path.slice(root.length + 1) : "";
  }
}

/** The path of SharedFile for something below the share directory `root`. */
export function joinPath(root: string, path: string): string {
  return path === "" ? root : `${root}/${path}`;
}

const DATA_ACCESS =
  Access.READ_DATA | Access.WRITE_DATA | Access.APPEND_DATA | Access.EXECUTE | Access.DELETE;

/** True when `access` takes part in sharing checks: an open for attributes alone never conflicts. */
export function hasDataAccess(access: number): boolean {
  return (access & DATA_ACCESS) !== 0;
}

export class OpenTable {
  private readonly opens = new Map<number, Open>();
  private readonly files = new Map<string, SharedFile>();
  private lastId = 0;

  get count(): number {
    return this.opens.size;
  }
  get fileCount(): number {
    return this.files.size;
  }

  find(id: number): Open | undefined {
    return this.opens.get(id);
  }

  findFile(identity: string): SharedFile | undefined {
    return this.files.get(identity);
  }

  /** The open file or directory of that path, as SharedFile has it. */
  findByPath(path: string): SharedFile | undefined {
    for (const file of this.files.values()) if (file.path === path) return file;
    return undefined;
  }

  /** The shared state of a file about to be opened; forgotten again by `dropIfUnused`. */
  takeFile(identity: string, path: string): SharedFile {
    const known = this.files.get(identity);
    if (known !== undefined) return known;
    const file = new SharedFile(identity, path);
    this.files.set(identity, file);
    return file;
  }

  dropIfUnused(file: SharedFile): void {
    if (file.opens.size === 0) this.files.delete(file.identity);
  }

  /** A FileId not in use. Ids are not reused before the counter wraps at 2^32. */
  nextId(): number {
    do {
      this.lastId = this.lastId >= 0xffff_fffe ? 1 : this.lastId + 1;
    } while (this.opens.has(this.lastId));
    return this.lastId;
  }

  add(open: Open): void {
    this.opens.set(open.id, open);
    open.file?.opens.add(open);
    open.tree.opens.add(open);
    open.session.opens.add(open);
  }

  /** Takes an open out of all tables. True when it was the last one of its file. */
  remove(open: Open): boolean {
    this.opens.delete(open.id);
    open.tree.opens.delete(open);
    open.session.opens.delete(open);
    const file = open.file;
    if (file === undefined) return false;
    file.opens.delete(open);
    if (file.opens.size > 0) return false;
    this.files.delete(file.identity);
    return true;
  }

  /** True when a new open of `file` with these masks conflicts with one that exists; [MS-FSA] 2.1.5.1.2.2. */
  conflicts(file: SharedFile, access: number, share: number): boolean {
    if (!hasDataAccess(access)) return false;
    for (const other of file.opens) {
      if (hasDataAccess(other.grantedAccess) && excludes(other, access, share)) return true;
    }
    return false;
  }

  /** Moves every open file at or below `from` to `to`: a directory's rename renames what is open in it. */
  renamePaths(from: string, to: string): void {
    const below = `${from}/`;
    for (const file of this.files.values()) {
      if (file.path === from) file.path = to;
      else if (file.path.startsWith(below)) file.path = `${to}/${file.path.slice(below.length)}`;
    }
  }

  /** True when something is open below the directory `path` (and not the directory itself). */
  hasOpenBelow(path: string): boolean {
    const below = `${path}/`;
    for (const file of this.files.values()) {
      if (file.path.startsWith(below)) return true;
    }
    return false;
  }
}

function excludes(other: Open, access: number, share: number): boolean {
  const writes = Access.WRITE_DATA | Access.APPEND_DATA;
  const reads = Access.READ_DATA | Access.EXECUTE;
  return (
    ((access & reads) !== 0 && (other.shareAccess & ShareAccess.READ) === 0) ||
    ((access & writes) !== 0 && (other.shareAccess & ShareAccess.WRITE) === 0) ||
    ((access & Access.DELETE) !== 0 && (other.shareAccess & ShareAccess.DELETE) === 0) ||
    ((other.grantedAccess & reads) !== 0 && (share & ShareAccess.READ) === 0) ||
    ((other.grantedAccess & writes) !== 0 && (share & ShareAccess.WRITE) === 0) ||
    ((other.grantedAccess & Access.DELETE) !== 0 && (share & ShareAccess.DELETE) === 0)
  );
}
