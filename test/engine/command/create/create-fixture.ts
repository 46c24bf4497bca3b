// CREATE requests, trees and nodes as plain values, for the tests of what CREATE decides without a disk.
import { Session, type Tree } from "../../../../src/engine/state/session.ts";
import { FileKind, type FileNode, type FileStat } from "../../../../src/engine/vfs/store.ts";
import type { NamedValues } from "../../../../src/engine/vfs/value-store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import type { ShareGrant } from "../../../../src/port/port.ts";
import {
  CreateDisposition,
  type CreateRequest,
  ImpersonationLevel,
  OplockLevel,
  ShareAccess,
} from "../../../../src/wire/command/create.ts";
import { Access, FileGeneric } from "../../../../src/wire/security/access.ts";
import { grantFor } from "../../vfs/share-fixture.ts";

/** Opens an existing file for reading; `change` replaces fields. */
export function requestFor(change: Partial<CreateRequest> = {}): CreateRequest {
  return {
    oplockLevel: OplockLevel.NONE,
    impersonationLevel: ImpersonationLevel.IMPERSONATION,
    desiredAccess: Access.READ_DATA,
    fileAttributes: 0,
    shareAccess: ShareAccess.READ,
    createDisposition: CreateDisposition.OPEN,
    createOptions: 0,
    name: "file",
    contexts: {},
    ...change,
  };
}

/** The uid of the tree's user. */
export const USER = 1000;
const OTHER_USER = 2000;

/** A tree connect to /srv/share by USER. */
export function treeFor(change: Partial<ShareGrant> = {}, maximalAccess: number = FileGeneric.ALL): Tree {
  const terms = { revision: 0x0311, cipher: 0, signingAlgorithm: 0, clientGuid: "" };
  return {
    id: 1,
    session: new Session(1, terms),
    grant: grantFor("/srv/share", { credentials: { uid: USER, gid: USER, groups: [] }, ...change }),
    store: undefined,
    mustEncrypt: false,
    maximalAccess,
    connectedMs: 0,
    isLost: false,
  };
}

export interface NodeFacts {
  readonly kind?: FileKind;
  readonly attributes?: number;
  /** Permission bits that apply to USER: 4 read, 2 write, 1 execute. */
  readonly permissions?: number;
  /** USER is the owner. */
  readonly isOwned?: boolean;
}

/** An object that another user owns and USER may read and write, if `facts` do not say otherwise. */
export function nodeFor(facts: NodeFacts = {}): FileNode {
  const stat = statFor(facts);
  return {
    values: noValues,
    stat,
    identity: "1:1",
    refresh: () => stat,
    open: () => -Errno.EOPNOTSUPP,
    access: () => facts.permissions ?? 6,
    setTimes: () => 0,
    setMode: () => 0,
    setAttributes: () => 0,
    markForArchive: () => 0,
    setSparse: () => 0,
    close: () => undefined,
  };
}

function statFor({ kind = FileKind.FILE, attributes = 0, isOwned = false }: NodeFacts): FileStat {
  return {
    kind,
    mode: 0o664,
    format: 0,
    uid: isOwned ? USER : OTHER_USER,
    gid: OTHER_USER,
    links: 1,
    size: 0,
    allocated: 0,
    device: 1,
    inodeLow: 1,
    inodeHigh: 0,
    accessSeconds: 0,
    accessNanoseconds: 0,
    modifySeconds: 0,
    modifyNanoseconds: 0,
    changeSeconds: 0,
    changeNanoseconds: 0,
    birthSeconds: 0,
    birthNanoseconds: 0,
    attributes,
  };
}

const noValues: NamedValues = {
  areAttributes: true,
  get: () => -Errno.ENODATA,
  set: () => -Errno.EOPNOTSUPP,
  remove: () => -Errno.ENODATA,
  list: () => [],
};
