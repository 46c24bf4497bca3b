// The answers to tree connects: what a share grants one user, and what IPC$ grants everybody.
import type { DirectoryIdentity, NamedUsers } from "../port/directory.ts";
import type { Identity, ShareGrant, ShareRules } from "../port/port.ts";
import { fillRepository } from "./config/recycle-rules.ts";
import type { Share } from "./config/share.ts";
import type { Admission } from "./share-access.ts";

export const IPC = "IPC$";
const NO_SIDS: readonly string[] = Object.freeze([]);

/** The rules of the share for a user, without what decides about users. */
export function rulesOf(share: Share, { readOnly }: Admission): ShareRules {
  const {
    comment,
    browseable,
    listedToPermitted,
    isPersonal,
    homeOf,
    disk,
    hosts,
    forceUser,
    forceGroup,
    ...rest
  } = share;
  const { guestOk, guestOnly, guestAccount, ...named } = rest;
  const { validUsers, invalidUsers, readList, writeList, adminUsers, ...rules } = named;
  return { ...rules, readOnly };
}

export function grantOf(
  share: Share,
  admission: Admission,
  credentials: ShareGrant["credentials"],
  identity: Identity,
  namedUsers: NamedUsers | null,
  directory: DirectoryIdentity,
): ShareGrant {
  const rules = rulesOf(share, admission);
  const recycle = rules.recycle && fillRepository(rules.recycle, share.name, identity);
  const { asGuest, isAdmin } = admission;
  // Stored descriptors alone name SIDs of a domain; `force user` replaces the whole user.
  const hasSids = share.security.acl === "nt" && share.forceUser === "" && !asGuest;
  return Object.freeze({
    ...rules,
    type: "disk",
    directory,
    credentials,
    recycle,
    namedUsers,
    domainSids: (hasSids ? identity.membership?.sids : undefined) ?? NO_SIDS,
    asGuest,
    isAdmin,
  });
}

export const PIPE_GRANT = Object.freeze<ShareGrant>({
  directory: null,
  name: IPC,
  type: "pipe",
  path: "",
  mountId: 0,
  readOnly: false,
  encryption: "off",
  signing: "auto",
  credentials: null,
  createMask: 0,
  directoryMask: 0,
  forceCreateMode: 0,
  forceDirectoryMode: 0,
  inheritOwner: false,
  security: {
    acl: "posix",
    ignoreSystemAcls: false,
    canChange: false,
    writersMayChange: false,
    inheritOwnerName: false,
    inheritPermissions: false,
    inheritAcls: false,
  },
  namedUsers: null,
  domainSids: NO_SIDS,
  asGuest: false,
  isAdmin: false,
  hideDotFiles: false,
  eaSupport: false,
  storeDosAttributes: false,
  modeMapping: { archive: "auto", hidden: false, system: false, readonly: true },
  posixExtensions: false,
  dfs: { isRoot: false, proxied: "", shuffles: false },
  streams: false,
  streamForm: "samba",
  apple: {
    validatesAfpInfo: true,
    metadata: "auto",
    resource: "auto",
    hidesAppleDouble: true,
    wipesPlaceholder: false,
    listsResourceSize: true,
    listsFinderInfo: true,
    listsAccess: true,
  },
  followSymlinks: false,
  wideLinks: false,
  crossMounts: false,
  caseSensitive: false,
  vetoFiles: Object.freeze([]),
  names: {
    characterMap: [],
    reserved: "auto",
    shortNames: "no",
    shortNamePrefix: 1,
    newCase: "keep",
    newShortCase: "keep",
  },
  hiding: { files: [], unreadable: false, unwriteable: false, special: false, deleteVetoed: false },
  recycle: null,
  snapshots: null,
  space: {
    maxDiskBytes: 0,
    cacheSeconds: 0,
    fakeAbilities: 0,
    timeMachineMaxBytes: 0,
    timeMachineMaxMachineBytes: 0,
  },
  posixLocking: false,
  oplocks: false,
  isTimeMachine: false,
  maxConnections: 65_536,
});
