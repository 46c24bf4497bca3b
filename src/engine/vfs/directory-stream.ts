// An enumeration of a directory: names in batches from getdents64, a stat for those alone that the client asked for.
// The order is the file system's, as [MS-FSA] 2.1.5.6.3 allows.
import { DirentReader } from "../../linux/dir.ts";
import { Errno } from "../../linux/errno.ts";
import { Seek, seekFd } from "../../linux/io.ts";
import { At, Open, closeFd, openAt, procPath } from "../../linux/open.ts";
import { ModeType, StatxAttribute, emptyStatx, statAddress, statAt, statFd } from "../../linux/stat.ts";
import type { MaybePromise } from "../../port/port.ts";
import { emptyStat, fillStat, storedAttributes, storedAttributesOfPath } from "./attributes.ts";
import type { DosAttributes } from "./dos-attributes.ts";
import { joinPath, toClientName } from "./names.ts";
import type { ShareContext } from "./share-context.ts";
import type { DirectoryEntry, DirectoryStream, Failure } from "./store.ts";

const Phase = { DOT: 0, DOT_DOT: 1, NAMES: 2, END: 3 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

const NAME_MAX_BYTES = 255;
const statx = emptyStatx();
const encoder = new TextEncoder();

export class PosixDirectoryStream implements DirectoryStream {
  private readonly context: ShareContext;
  private readonly directory: number;
  private readonly path: string;
  /** A descriptor of its own, so that enumerations of one handle do not share a place. */
  private fd = -1;
  private reader: DirentReader | undefined;
  /** `/proc/self/fd/N/` with room for a name and a NUL: where an entry's extended attributes are found. */
  private entryPath = new Uint8Array(0);
  private prefixBytes = 0;
  private phase: Phase = Phase.DOT;
  private isUnread = false;
  private readonly entry: DirectoryEntry = { name: "", stat: emptyStat() };
  /** Names passed over because they are not UTF-8. */
  unreadableNames = 0;

  /** `directory` stays the caller's; `path` is its on-disk path. */
  constructor(context: ShareContext, directory: number, path: string) {
    this.context = context;
    this.directory = directory;
    this.path = path;
  }

  next(matches: (name: string) => boolean): MaybePromise<DirectoryEntry | undefined | Failure> {
    if (this.isUnread) {
      this.isUnread = false;
      return this.entry;
    }
    if (this.fd < 0) {
      const failure = this.start();
      if (failure < 0) return failure;
    }
    const { root } = this.context;
    if (this.reader !== undefined || this.phase === Phase.END || !root.mayRest())
      return this.advance(matches);
    return root.wakeDirectory(this.fd).then(() => this.advance(matches));
  }

  private advance(matches: (name: string) => boolean): DirectoryEntry | undefined | Failure {
    if (this.fd < 0) return -Errno.EBADF;
    if (this.phase === Phase.DOT) {
      this.phase = Phase.DOT_DOT;
      if (matches(".") && this.takeDots(".")) return this.entry;
    }
    if (this.phase === Phase.DOT_DOT) {
      this.phase = Phase.NAMES;
      if (matches("..") && this.takeDots("..")) return this.entry;
    }
    return this.nextName(matches);
  }

  unread(): void {
    this.isUnread = true;
  }

  restart(): void {
    this.isUnread = false;
    this.phase = Phase.DOT;
    this.reader?.reset();
    if (this.fd >= 0) seekFd(this.fd, 0, Seek.SET);
  }

  close(): void {
    if (this.fd >= 0) closeFd(this.fd);
    this.fd = -1;
    this.reader?.release();
    this.reader = undefined;
    this.phase = Phase.END;
  }

  private start(): number {
    if (this.phase === Phase.END || this.directory < 0) return -Errno.EBADF;
    const fd = this.context.asUser(() => openAt(this.directory, ".", Open.RDONLY | Open.DIRECTORY));
    if (fd < 0) return fd;
    this.fd = fd;
    const prefix = encoder.encode(`${procPath(fd)}/`);
    this.entryPath = new Uint8Array(prefix.length + NAME_MAX_BYTES + 1);
    this.entryPath.set(prefix);
    this.prefixBytes = prefix.length;
    return 0;
  }

  private nextName(matches: (name: string) => boolean): DirectoryEntry | undefined | Failure {
    if (this.phase === Phase.END) return undefined;
    const reader = (this.reader ??= new DirentReader());
    const { veto } = this.context;
    for (;;) {
      const result = reader.advance(this.fd);
      if (result < 0) return result;
      if (result === 0) {
        this.finish();
        return undefined;
      }
      if (reader.isDots) continue;
      const name = reader.name;
      if (name === undefined) {
        this.unreadableNames++;
        continue;
      }
      const clientName = toClientName(name);
      if (veto?.(clientName) || !matches(clientName)) continue;
      if (!this.takeName(reader, name)) continue;
      this.entry.name = clientName;
      return this.entry;
    }
  }

  /** At the end: the buffer goes back, the descriptor stays for a restart. */
  private finish(): void {
    this.phase = Phase.END;
    this.reader?.release();
    this.reader = undefined;
  }

  /** Fills the entry from the name under the reader; false where it vanished or is not to be shown. */
  private takeName(reader: DirentReader, name: string): boolean {
    if (statAddress(this.fd, reader.nameAddress, At.SYMLINK_NOFOLLOW, statx) < 0) return false;
    const { grant } = this.context;
    if (!grant.crossMounts && (statx.attributes & StatxAttribute.MOUNT_ROOT) !== 0) return false;
    if ((statx.mode & ModeType.MASK) === ModeType.SYMLINK) return this.takeLink(name);
    const stored = grant.storeDosAttributes ? this.storedBelow(reader.nameBytes) : undefined;
    fillStat(this.entry.stat, statx, stored, name, grant);
    return true;
  }

  /** A symlink shows as what it leads to, if the share follows it and it stays inside. */
  private takeLink(name: string): boolean {
    const { context } = this;
    if (!context.grant.followSymlinks) return false;
    const fd = context.asUser(() => context.openPath(joinPath(this.path, name)));
    if (fd < 0) return false;
    const isFound = statFd(fd, statx) === 0;
    if (isFound) {
      const stored = context.grant.storeDosAttributes ? storedAttributes(fd) : undefined;
      fillStat(this.entry.stat, statx, stored, name, context.grant);
    }
    closeFd(fd);
    return isFound;
  }

  private storedBelow(name: Uint8Array): DosAttributes | undefined {
    if (name.length > NAME_MAX_BYTES) return undefined;
    this.entryPath.set(name, this.prefixBytes);
    this.entryPath[this.prefixBytes + name.length] = 0;
    return storedAttributesOfPath(this.entryPath);
  }

  /** `.` and `..`; the parent of the share's root is the root itself. */
  private takeDots(name: "." | ".."): boolean {
    const isParent = name === ".." && this.path !== "";
    const failure = isParent ? statAt(this.fd, "..", statx) : statFd(this.fd, statx);
    if (failure < 0) return false;
    const stored = this.context.grant.storeDosAttributes && !isParent ? storedAttributes(this.fd) : undefined;
    fillStat(this.entry.stat, statx, stored, name, this.context.grant);
    this.entry.name = name;
    return true;
  }
}
