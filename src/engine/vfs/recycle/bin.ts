// The recycle bin: a file that a client deletes is moved to a directory of the share, with its streams and
// metadata; vfs_recycle(8). Where the repository is another user's, the file goes to one of the user's own.
// Unlike in Samba, a file that cannot be moved is not deleted, and the deletion fails: a bin that is full
// must not cost data. As in Samba, files that are overwritten or replaced by a rename are not kept.
import { Errno, isShortage } from "../../../linux/errno.ts";
import type { Credentials, MaybePromise, RecycleRules, ShareGrant } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import { foldCase, joinPath, splitPath } from "../name/names.ts";
import {
  type Discarded,
  type Failure,
  FileKind,
  type FileNode,
  type FileStore,
  type Found,
} from "../store.ts";
import { type Veto, compileVeto } from "../name/veto.ts";
import type { RecycleKeeper } from "./keeper.ts";
import { ownRepositoryOf, patternOf } from "./repositories.ts";

/** How often directories that were removed meanwhile are created again. */
const MAX_ROUNDS = 4;
const MAX_COPIES = 1_000_000;
/** Copy numbers tried one after the other before a search by bisection. */
const FEW_COPIES = 8;
/**
 * Lookup errors that say nothing about the file: it is not deleted. EBADF: the share was closed meanwhile.
 */
const unknown: ReadonlySet<number> = new Set(
  [Errno.EIO, Errno.ETIMEDOUT, Errno.EBADF].map((errno) => -errno),
);
const GONE: Discarded = { movedTo: undefined };

/** Returns the share's settings for the bin's own store: every name is visible, as it is on disk. */
export function binGrant(grant: ShareGrant): ShareGrant {
  return {
    ...grant,
    vetoFiles: [],
    // The bin uses exact names only, so lookups need no search without case.
    caseSensitive: true,
    names: {
      characterMap: [],
      reserved: grant.names.reserved,
      shortNames: "no",
      shortNamePrefix: 1,
      newCase: "keep",
      newShortCase: "keep",
    },
    hiding: { files: [], unreadable: false, unwriteable: false, special: false, deleteVetoed: false },
    recycle: null,
  };
}

export class RecycleBin {
  private readonly rules: RecycleRules;
  private readonly store: FileStore;
  private readonly crossMounts: boolean;
  /** The repository for files that the user may not put into `rules.repository`; undefined for none. */
  private ownRepository: string | undefined;
  /** Matches a folded path in a repository of this or another user. */
  private readonly inRepository: RegExp;
  private readonly keeper: RecycleKeeper | undefined;
  private readonly isExcluded: Veto;
  private readonly isSingle: Veto;
  private readonly excludedDirectories: Veto | undefined;

  /**
   * `store` is the bin's own (see `binGrant`); with `crossMounts`, file systems mounted below belong to the
   * share.
   */
  constructor(
    store: FileStore,
    rules: RecycleRules,
    crossMounts: boolean,
    credentials: Credentials | null,
    keeper?: RecycleKeeper,
  ) {
    this.keeper = keeper;
    this.store = store;
    this.rules = rules;
    this.crossMounts = crossMounts;
    this.ownRepository = ownRepositoryOf(rules, credentials);
    this.inRepository = patternOf(rules);
    this.isExcluded = compileVeto(rules.exclude) ?? (() => false);
    this.isSingle = compileVeto(rules.noVersions) ?? (() => false);
    this.excludedDirectories = compileVeto(rules.excludeDirectories);
  }

  /**
   * Moves the file `path` to the repository, or deletes it if the rules exclude it or it is another object
   * than `identity` (the removal then fails). Returns -errno, with the file in place, on failure.
   */
  discard(path: string, identity: string): MaybePromise<Discarded | Failure> {
    const { parent, name } = splitPath(path);
    if (this.isInside(path) || this.isExcluded(name) || this.excludes(parent)) {
      return this.delete(path, identity);
    }
    return andThen(this.store.lookup(this.store.componentsOf(path)), (found) => {
      if (typeof found === "number")
        return unknown.has(found) || isShortage(found) ? found : this.delete(path, identity);
      const { node } = found;
      if (node === undefined || found.path !== path || node.identity !== identity || !this.takes(node)) {
        node?.close();
        return this.delete(path, identity);
      }
      return andThen(this.moveToBin(path, node), (result) => {
        node.close();
        return result;
      });
    });
  }

  /** As `FileStore.setCredentials`. */
  setCredentials(credentials: Credentials | null): void {
    this.store.setCredentials?.(credentials);
    this.ownRepository = ownRepositoryOf(this.rules, credentials);
  }

  /** The same bin for the POSIX view of the share's store. Closed with it. */
  posixView(credentials: Credentials | null): RecycleBin {
    const store = this.store.posixView?.() ?? this.store;
    return new RecycleBin(store, this.rules, this.crossMounts, credentials, this.keeper);
  }

  close(): void {
    this.keeper?.close();
    this.store.close();
  }

  private delete(path: string, identity: string): MaybePromise<Discarded | Failure> {
    return andThen(this.store.remove(path, identity, false), (result) => (result < 0 ? result : GONE));
  }

  /**
   * True in the repository, or in one of another share or file system below. The file system may ignore case.
   */
  private isInside(path: string): boolean {
    return this.inRepository.test(foldCase(`/${path}`));
  }

  /** True if the directory or one of its parents is excluded. */
  private excludes(directory: string): boolean {
    const matches = this.excludedDirectories;
    if (matches === undefined) return false;
    for (let path = directory; path !== ""; path = splitPath(path).parent) if (matches(path)) return true;
    return false;
  }

  /** True for a file of a size that the rules keep. */
  private takes(node: FileNode): boolean {
    const { kind, size } = node.stat;
    const { minBytes, maxBytes } = this.rules;
    return kind === FileKind.FILE && size >= minBytes && (maxBytes === 0 || size <= maxBytes);
  }

  private moveToBin(path: string, node: FileNode): MaybePromise<Discarded | Failure> {
    return andThen(this.touch(node), () =>
      andThen(this.moveTo("", this.rules.repository, path, node), (result) => {
        if (result === -Errno.EXDEV) return this.moveOnMount(path, node);
        return result === -Errno.EACCES ? this.moveToOwn("", path, node) : result;
      }),
    );
  }

  /**
   * Moves a file of a file system mounted below the share to a repository there, so that no data is copied.
   */
  private moveOnMount(path: string, node: FileNode): MaybePromise<Discarded | Failure> {
    return andThen(this.findMount(splitPath(path).parent, node.stat.device), (top) => {
      if (typeof top === "number") return top;
      return andThen(this.moveTo(top, this.rules.repository, path, node), (result) =>
        result === -Errno.EACCES ? this.moveToOwn(top, path, node) : result,
      );
    });
  }

  /** Moves a file that the user may not put into the repository to one of his own. */
  private moveToOwn(top: string, path: string, node: FileNode): MaybePromise<Discarded | Failure> {
    const own = this.ownRepository;
    if (own === undefined) return -Errno.EACCES;
    return andThen(this.store.lookup(this.store.componentsOf(splitPath(path).parent)), (found) => {
      if (typeof found === "number") return found;
      // Who may not take the file out of its folder needs no repository.
      const mayMove = ((found.node?.access() ?? 0) & 2) !== 0;
      found.node?.close();
      return mayMove ? this.moveBelow(top, own, path, node) : -Errno.EACCES;
    });
  }

  /**
   * Moves the file to the repository `own` in `top`, else in the next folder on the way to the file: the user
   * may create it at the latest in the file's own folder.
   */
  private moveBelow(
    top: string,
    own: string,
    path: string,
    node: FileNode,
  ): MaybePromise<Discarded | Failure> {
    return andThen(this.moveTo(top, own, path, node), (result) => {
      const { parent } = splitPath(path);
      const isElsewhere = result === -Errno.EACCES || result === -Errno.EXDEV;
      if (!isElsewhere || top === parent) return result;
      const end = parent.indexOf("/", top === "" ? 0 : top.length + 1);
      return this.moveBelow(end < 0 ? parent : parent.slice(0, end), own, path, node);
    });
  }

  /** Returns the topmost parent of `directory` on the same file system; -EXDEV at the share's root. */
  private findMount(directory: string, device: number): MaybePromise<string | Failure> {
    const { parent } = splitPath(directory);
    if (directory === "" || !this.crossMounts) return -Errno.EXDEV;
    return andThen(this.store.lookup(this.store.componentsOf(parent)), (found) => {
      if (typeof found === "number") return found;
      const isSame = found.node?.stat.device === device;
      found.node?.close();
      return isSame ? this.findMount(parent, device) : directory;
    });
  }

  /** Sets the times that record the deletion. The caller ignores failures. */
  private touch(node: FileNode): MaybePromise<number> {
    const { touchAccess, touchModify, maxAgeDays, limitBytes } = this.rules;
    const isAged = maxAgeDays > 0 || limitBytes > 0;
    if (!touchAccess && !touchModify && !isAged) return 0;
    const now = Date.now();
    const time = { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 };
    return node.setTimes({
      access: touchAccess || isAged ? time : undefined,
      modify: touchModify ? time : undefined,
    });
  }

  /** Moves the file to the repository `place` below `top`. */
  private moveTo(
    top: string,
    place: string,
    path: string,
    node: FileNode,
  ): MaybePromise<Discarded | Failure> {
    const { parent, name } = splitPath(path);
    const repository = joinPath(top, place);
    const below = parent === top ? "" : top === "" ? parent : parent.slice(top.length + 1);
    const target = this.rules.keepTree && below !== "" ? joinPath(repository, below) : repository;
    return andThen(this.place({ path, node, repository, directory: target, name }, 0, 0), (result) => {
      if (typeof result !== "number" && result.movedTo !== undefined) this.keeper?.noteDiscard(repository);
      return result;
    });
  }

  private place(move: Move, copy: number, round: number): MaybePromise<Discarded | Failure> {
    const { path, node, directory } = move;
    const target = joinPath(directory, copyName(move.name, copy));
    return andThen(this.store.rename(path, node.identity, missing(target), false), (result) => {
      if (typeof result !== "number") return { movedTo: result.path };
      if (result === -Errno.ENOENT && round < MAX_ROUNDS) {
        return andThen(this.makeDirectories(move), (failure) =>
          failure < 0 ? failure : this.place(move, copy, round + 1),
        );
      }
      if (result !== -Errno.EEXIST || copy >= MAX_COPIES) return result;
      const isReplacing = copy === 0 && (!this.rules.versions || this.isSingle(move.name));
      if (isReplacing) return this.replace(move, target);
      if (copy < FEW_COPIES) return this.place(move, copy + 1, round);
      return andThen(this.findFree(move, copy, 2 * copy, false), (free) => this.place(move, free, round));
    });
  }

  /**
   * Finds a free copy number by doubling and bisection, so that a user who deletes the same name over and
   * over does not cause long searches. `taken` is in use; `high` is free if `isFree`.
   */
  private findFree(move: Move, taken: number, high: number, isFree: boolean): MaybePromise<number> {
    if (high - taken <= 1 && isFree) return high;
    const number = isFree ? Math.floor((taken + high) / 2) : high;
    if (!isFree && number >= MAX_COPIES) return MAX_COPIES;
    return andThen(this.isTaken(move, number), (isThere) => {
      if (!isThere) return this.findFree(move, taken, number, true);
      return isFree
        ? this.findFree(move, number, high, true)
        : this.findFree(move, number, 2 * number, false);
    });
  }

  private isTaken({ directory, name }: Move, number: number): MaybePromise<boolean> {
    const components = this.store.componentsOf(joinPath(directory, copyName(name, number)));
    return andThen(this.store.lookup(components), (found) => {
      if (typeof found === "number") return false;
      found.node?.close();
      return found.node !== undefined;
    });
  }

  /** Replaces the file of that name in the repository. */
  private replace(move: Move, target: string): MaybePromise<Discarded | Failure> {
    const { path, node } = move;
    return andThen(this.store.lookup(this.store.componentsOf(target)), (found) => {
      if (typeof found === "number") return found;
      const there = found.node;
      there?.close();
      // A hard link to the same object is in the repository already: this name can be removed.
      if (there?.identity === node.identity) return this.delete(path, node.identity);
      if (there === undefined || found.path !== target || there.stat.kind !== FileKind.FILE) {
        return this.place(move, 1, 0);
      }
      return andThen(this.store.rename(path, node.identity, found, true), (result) =>
        typeof result === "number" ? result : { movedTo: result.path },
      );
    });
  }

  private makeDirectories({ path, repository, directory }: Move): MaybePromise<number> {
    const paths: string[] = [];
    for (let at = directory; at !== ""; at = splitPath(at).parent) paths.unshift(at);
    return this.makeNext(paths, repository, path);
  }

  private makeNext(paths: readonly string[], repository: string, source: string): MaybePromise<number> {
    const [path, ...rest] = paths;
    if (path === undefined) return 0;
    // A parent directory of the file exists already (on the way to a repository on a mounted file system).
    if (source.startsWith(`${path}/`)) return this.makeNext(rest, repository, source);
    return andThen(this.store.createDirectory(missing(path), 0), (node) => {
      if (node === -Errno.EEXIST) return this.makeNext(rest, repository, source);
      if (typeof node === "number") return node;
      return andThen(this.modeOf(path, repository), (mode) =>
        andThen(node.setMode(mode), () => {
          node.close();
          return this.makeNext(rest, repository, source);
        }),
      );
    });
  }

  /**
   * The mode of a new directory. One above the repository (`.bin` of `.bin/%U`) is for all users who may
   * write the directory that it is in; the sticky bit keeps them from moving each other's repositories.
   */
  private modeOf(path: string, repository: string): MaybePromise<number> {
    const { directoryMode, subdirectoryMode } = this.rules;
    if (path === repository) return directoryMode;
    if (path.startsWith(`${repository}/`)) return subdirectoryMode;
    return andThen(this.store.lookup(this.store.componentsOf(splitPath(path).parent)), (found) => {
      if (typeof found === "number" || found.node === undefined) return directoryMode;
      found.node.close();
      return (found.node.stat.mode & 0o777) | 0o1000;
    });
  }
}

/** A file on its way into the repository. */
interface Move {
  readonly path: string;
  readonly node: FileNode;
  readonly repository: string;
  /** The repository or a directory below it. */
  readonly directory: string;
  readonly name: string;
}

function missing(path: string): Found {
  return { path, name: splitPath(path).name, node: undefined };
}

/** NAME_MAX. */
const MAX_BYTES = 255;

const encoder = new TextEncoder();

/** Returns `name` for copy 0, else `Copy #N of name` as Samba does; the stem is cut to fit into NAME_MAX. */
export function copyName(name: string, copy: number): string {
  if (copy === 0) return name;
  const prefix = `Copy #${copy} of `;
  let stem = name;
  let extension = "";
  const dot = name.lastIndexOf(".");
  if (dot > 0 && name.length - dot <= 16) {
    stem = name.slice(0, dot);
    extension = name.slice(dot);
  }
  let characters: string[] | undefined;
  while (encoder.encode(prefix + stem + extension).length > MAX_BYTES && stem !== "") {
    // By code points, so that none is split.
    characters ??= [...stem];
    characters.pop();
    stem = characters.join("");
  }
  return prefix + stem + extension;
}
