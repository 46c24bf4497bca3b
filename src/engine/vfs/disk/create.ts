// Creates files and directories with the mode, owner and attributes that the share's settings demand;
// [MS-FSA] 2.1.5.1.1.
import { Errno } from "../../../linux/errno.ts";
import { makeDirectoryAt, setModeFd, setOwnerFd, unlinkAt } from "../../../linux/directory-entries.ts";
import { Open, closeFd, duplicateFd, openAt, reopen } from "../../../linux/open.ts";
import { Scratch } from "../../../linux/libc.ts";
import { emptyStatx, ModeType, statFd } from "../../../linux/stat.ts";
import { getXattr } from "../../../linux/xattr.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../../wire/fscc/attributes.ts";
import { deviceOf } from "../format/file-stat.ts";
import { traitsOf } from "../context/disk-traits.ts";
import type { DosAttributes } from "../format/dos-attributes.ts";
import { isGivenUp } from "../context/given-up.ts";
import { keepingFolderTimes } from "../context/folder-times.ts";
import { modeOfAttributes } from "../format/mode-attributes.ts";
import { splitPath } from "../name/names.ts";
import { type NodeFacts, describeNode } from "./node.ts";
import { hasOtherSpelling } from "./other-spelling.ts";
import { DEFAULT_ACL } from "../../security/posix-acl.ts";
import type { ShareContext } from "../context/share-context.ts";
import { createWithoutOldValues } from "../values/follow-name.ts";
import type { Failure } from "../store.ts";
import { storedForm, isImpliedByMode, writeStored } from "../values/stored-attributes.ts";

const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;

const statx = emptyStatx();
const parentStatx = emptyStatx();
const aclRoom = new Scratch(64);

export interface CreatedNode extends NodeFacts {
  /** O_PATH; the caller closes it. */
  readonly fd: number;
}

export interface CreatedFile extends CreatedNode {
  /** Open for reading and writing; the caller closes it. */
  readonly dataFd: number;
}

/** `FileStore.createFile` for an on-disk path. */
export function createFileAt(
  context: ShareContext,
  path: string,
  writeThrough: boolean,
  attributes: number,
  requestedMode: number = FILE_MODE,
): CreatedFile | Failure {
  const { grant } = context;
  const masked = (requestedMode & grant.createMask) | grant.forceCreateMode;
  let permissions = masked;
  const flags = Open.RDWR | Open.CREAT | Open.EXCL | Open.NOFOLLOW | (writeThrough ? Open.DSYNC : 0);
  const fd = createName(context, path, (directory, name) => {
    permissions = inheritedMode(context, directory, FILE_MODE) ?? masked;
    if (!grant.storeDosAttributes)
      permissions = modeOfAttributes(permissions, attributes | FileAttribute.ARCHIVE, grant.modeMapping);
    return openAt(directory, name, flags, permissions);
  });
  if (fd < 0) return fd;
  const made = finishCreation(context, fd, path, permissions, attributes | FileAttribute.ARCHIVE);
  if (typeof made !== "number") {
    const { fd: pathFd, stat, rights, areAttributes } = made;
    return { fd: pathFd, stat, rights, areAttributes, dataFd: fd };
  }
  closeFd(fd);
  undoCreation(context, path, false);
  return made;
}

/**
 * `FileStore.createDirectory` for an on-disk path. With `keepsParentTimes` the modification time of the
 * directory around it does not move.
 */
export function createDirectoryAt(
  context: ShareContext,
  path: string,
  attributes: number,
  requestedMode: number = DIRECTORY_MODE,
  keepsParentTimes = false,
): CreatedNode | Failure {
  const { grant, identity } = context;
  let permissions = (requestedMode & grant.directoryMask) | grant.forceDirectoryMode;
  const make = (directory: number, name: string): number | Failure => {
    permissions = inheritedMode(context, directory, DIRECTORY_MODE) ?? permissions;
    const made = makeDirectoryAt(directory, name, permissions & 0o777);
    if (made < 0) return made;
    const opened = openAt(directory, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
    if (opened < 0) unlinkAt(directory, name, true);
    return opened;
  };
  const asServer = (restore: () => void): void => identity.asServer(restore);
  const fd = createName(context, path, (directory, name) =>
    keepsParentTimes
      ? keepingFolderTimes(directory, name, () => make(directory, name), asServer)
      : make(directory, name),
  );
  if (fd < 0) return fd;
  const made = finishCreation(context, fd, path, permissions, attributes & ~FileAttribute.ARCHIVE);
  closeFd(fd);
  if (typeof made === "number") undoCreation(context, path, true);
  return made;
}

/**
 * The mode inherited from the directory (`inherit acls`, `inherit permissions`), not masked; undefined for
 * none.
 */
function inheritedMode(context: ShareContext, directory: number, limit: number): number | undefined {
  const { inheritPermissions, inheritAcls } = context.grant.security;
  // The default ACL restricts the mode then: the kernel masks the mode with it.
  if (inheritAcls && hasDefaultAcl(directory)) return limit;
  if (!inheritPermissions || statFd(directory, parentStatx) < 0) return undefined;
  return parentStatx.mode & (limit === DIRECTORY_MODE ? 0o3777 : limit);
}

function hasDefaultAcl(directory: number): boolean {
  const length = getXattr(directory, DEFAULT_ACL, aclRoom);
  return length > 4 || length === -Errno.ERANGE;
}

/** Creates a name as the user by `make`, which returns a descriptor or a failure. */
function createName(
  context: ShareContext,
  path: string,
  make: (directory: number, name: string) => number | Failure,
): number | Failure {
  const { directories } = context;
  const { parent, name } = splitPath(path);
  return context.inDirectory(parent, (directory) => {
    if (hasOtherSpelling(context, directory, parent, name)) return -Errno.EEXIST;
    const change = directories.begin(directory);
    const fd = createWithoutOldValues(context, directory, name, () =>
      isGivenUp() ? -Errno.ETIMEDOUT : make(directory, name),
    );
    if (fd < 0) return fd;
    directories.commit(change, directory, name);
    if (context.grant.inheritOwner) statFd(directory, parentStatx);
    return fd;
  });
}

function undoCreation(context: ShareContext, path: string, isDirectory: boolean): void {
  const { parent, name } = splitPath(path);
  context.inDirectory(parent, (directory) => unlinkAt(directory, name, isDirectory));
}

/**
 * Sets mode, owner and attributes of an object that the user has just created, and opens the node's
 * descriptor. Runs as the server, since the new file's owner may not be able to write it. The caller closes
 * `fd`.
 */
function finishCreation(
  context: ShareContext,
  fd: number,
  path: string,
  permissions: number,
  attributes: number,
): CreatedNode | Failure {
  const { grant } = context;
  let failure = statFd(fd, statx);
  if (failure < 0) return failure;
  // setgid of a file is left to the kernel, which sets it only for members of the group.
  const isFile = (statx.mode & ModeType.MASK) === ModeType.REGULAR;
  const missing = permissions & ~statx.mode & (isFile ? 0o5777 : 0o7777);
  // Bits that the process's umask removed are restored; bits that the parent's default ACL removed are not.
  if (missing !== 0 && (missing & ~(process.umask() | 0o7000)) === 0) {
    statx.mode |= missing;
    failure = setModeFd(fd, statx.mode & 0o7777);
    // On FAT all files have the mode given at mount time.
    if (failure < 0 && failure !== -Errno.EPERM) return failure;
  }
  if (grant.inheritOwner && parentStatx.uid !== statx.uid) {
    failure = setOwnerFd(fd, parentStatx.uid, -1);
    if (failure < 0) return failure;
  }
  const stored = grant.storeDosAttributes ? storeInitialAttributes(context, fd, path, attributes) : undefined;
  const pathFd = reopen(fd, Open.PATH);
  // Without /proc the descriptor is duplicated; the node never reads or writes through it.
  const nodeFd = pathFd === -Errno.ENOENT ? duplicateFd(fd) : pathFd;
  if (nodeFd < 0) return nodeFd;
  const facts = describeNode(context, nodeFd, path, stored);
  if (typeof facts === "number") {
    closeFd(nodeFd);
    return facts;
  }
  const { stat, rights, areAttributes } = facts;
  return { fd: nodeFd, stat, rights, areAttributes };
}

/**
 * Stores the attributes and birth time of a new object, in the mode where the disk cannot store them. Returns
 * what reading them back would give where that is known, else undefined.
 */
function storeInitialAttributes(
  context: ShareContext,
  fd: number,
  path: string,
  attributes: number,
): DosAttributes | undefined {
  const traits = traitsOf(context, deviceOf(statx), fd);
  if (isImpliedByMode(context, traits, statx, attributes)) return undefined;
  const birth = statx.hasBirth ? statx.birthSeconds : statx.changeSeconds;
  const nanoseconds = statx.hasBirth ? statx.birthNanoseconds : statx.changeNanoseconds;
  const bits = attributes & SETTABLE_ATTRIBUTES;
  const mode = statx.mode & 0o7777;
  const failure = writeStored(context, fd, path, mode, bits, birth, nanoseconds);
  if (failure === 0) {
    const isPlain = traits.hasUserXattrs && !traits.hasFatAttributes && !traits.hasNtfsAttributes;
    return isPlain ? storedForm(bits, birth, nanoseconds) : undefined;
  }
  const mapped = modeOfAttributes(mode, bits, context.grant.modeMapping);
  const isFile = (statx.mode & ModeType.MASK) === ModeType.REGULAR;
  if (failure === -Errno.EOPNOTSUPP && isFile && mapped !== mode) setModeFd(fd, mapped);
  return undefined;
}
