// What macOS wants to know of each entry of a listing (READ_DIR_ATTR). Most entries have neither streams nor
// ACLs: the list of their attributes, or of the sidecar's names, says so, and their mode gives the rights.
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { Scratch } from "../../../linux/libc.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import {
  Access,
  FileSystemMagic,
  StatfsFlag,
  type Statx,
  StatxAttribute,
  statfsFd,
} from "../../../linux/stat.ts";
import { grantedAccess } from "../../security/access-rights.ts";
import { tokenOfGrant } from "../../security/grant-token.ts";
import { ownsOnDisk } from "../../security/token.ts";
import { CompanionNames } from "../appledouble/companion-names.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { DiskTraits } from "../context/disk-traits.ts";
import { emptyAppleFacts, isFinderValue, takeFinderInfo } from "../format/apple-facts.ts";
import type { AppleFacts } from "../listed.ts";
import { joinPath } from "../name/names.ts";
import type { FileStat } from "../store.ts";
import type { XattrNames } from "../values/listed-xattrs.ts";
import { isStub } from "../values/overflow.ts";
import { readNodeDescriptor } from "../values/security.ts";
import { fillAppleValues, fillFromCompanion } from "./apple-streams.ts";
import type { ListedAttributes } from "./listed-attributes.ts";
import { accessByMode, nodeAccess, withOwnerless } from "./node.ts";

/** File systems on which mode and ACL alone decide about rights; on others a server or a program does. */
const PLAIN_RIGHTS: ReadonlySet<number> = new Set([
  FileSystemMagic.EXT4,
  FileSystemMagic.XFS,
  FileSystemMagic.BTRFS,
  FileSystemMagic.F2FS,
  FileSystemMagic.TMPFS,
]);

const ALL_RIGHTS = Access.READ | Access.WRITE | Access.EXECUTE;
/** AFP_AfpInfo with its end, and a stub. */
const room = new Scratch(64);

/** Whether the rights follow from a mode of this disk. */
function followsMode({ type, keepsOwners }: DiskTraits): boolean {
  return !keepsOwners || PLAIN_RIGHTS.has(type);
}

/** The entries of one open directory; runs as the server. */
export class ListedAppleFacts {
  private readonly context: ShareContext;
  private readonly directory: number;
  private readonly path: string;
  private readonly attributes: ListedAttributes;
  private readonly storesDescriptors: boolean;
  private readonly companions: CompanionNames;
  private isReadOnlyMount: boolean | undefined;

  /** The caller closes `directory`; `path` is its on-disk path. */
  constructor(
    context: ShareContext,
    directory: number,
    path: string,
    attributes: ListedAttributes,
    isForFew: boolean,
  ) {
    this.context = context;
    this.directory = directory;
    this.path = path;
    this.attributes = attributes;
    this.storesDescriptors = context.grant.security.acl === "nt";
    this.companions = new CompanionNames(directory, isForFew);
  }

  /** As `ListedAttributes.prepare`. */
  prepare(): boolean {
    return !this.context.grant.streams || this.companions.prepare();
  }

  close(): void {
    this.companions.close();
  }

  /** Fills `out.apple` for an entry (not a symlink), after `ListedAttributes.of` for the same one. */
  fill(out: FileStat, stat: Statx, name: string, entry: EntryXattrs): void {
    const facts = (out.apple ??= emptyAppleFacts());
    const traits = this.attributes.directoryTraits();
    const isHere = this.attributes.isOfDirectoryDisk(stat);
    const names = traits.hasUserXattrs ? this.attributes.xattrsOf(name, entry) : undefined;
    const isKnown = isHere && (names !== undefined || !traits.hasUserXattrs);
    const hasValues =
      isKnown &&
      (names === undefined
        ? this.fillFromSidecar(facts, stat, name)
        : this.fillFromXattrs(facts, entry, names)) &&
      this.addFromCompanion(facts, stat, name);
    const isByMode = isKnown && this.isByMode(traits, names);
    if (isByMode) facts.rights = this.rightsByMode(out, stat, traits);
    if (hasValues && isByMode) return;
    this.openAndFill(out, name, !hasValues, !isByMode);
  }

  /** The same by a descriptor of the object (O_PATH), whose on-disk path is `path`. */
  fillByDescriptor(out: FileStat, fd: number, path: string): void {
    const facts = (out.apple ??= emptyAppleFacts());
    fillAppleValues(this.context, fd, path, facts);
    this.fillRights(out, facts, fd, path);
  }

  /** False where the values must be read by a descriptor. */
  private fillFromSidecar(facts: AppleFacts, stat: Statx, name: string): boolean {
    if (!this.context.grant.streams) return true;
    const values = this.attributes.appleValuesOf(stat, name);
    if (values === undefined) return false;
    facts.hasStreams = values.hasStreams;
    facts.finderInfo = values.finderInfo;
    facts.resourceBytes = values.resourceBytes;
    return true;
  }

  /** The same. */
  private fillFromXattrs(facts: AppleFacts, entry: EntryXattrs, names: XattrNames): boolean {
    if (!this.context.grant.streams) return true;
    if (names.hasOverflow || names.hasNetatalk || names.afpResource !== undefined) return false;
    facts.hasStreams = names.hasStreams;
    const { afpInfo } = names;
    if (afpInfo === undefined) return true;
    const length = Math.max(0, entry.get(afpInfo, room));
    if (isFinderValue(length)) takeFinderInfo(facts, room.bytes);
    else if (isStub(afpInfo, room.bytes.subarray(0, length))) return false;
    return true;
  }

  /** The same, after what is stored as streams, which counts instead of what the AppleDouble file has. */
  private addFromCompanion(facts: AppleFacts, stat: Statx, name: string): boolean {
    if (!this.context.grant.streams || !this.companions.has(name)) return true;
    if (facts.hasStreams) return false;
    fillFromCompanion(this.context, this.directory, name, stat, facts);
    return true;
  }

  /**
   * True where the mode and the names, undefined without extended attributes, say that the mode alone counts.
   */
  private isByMode(traits: DiskTraits, names: XattrNames | undefined): boolean {
    if (!this.context.identity.isSwitching || !followsMode(traits)) return false;
    if (this.storesDescriptors && (names === undefined || names.hasDescriptor)) return false;
    return names === undefined || !names.hasAcl;
  }

  private rightsByMode(out: FileStat, stat: Statx, traits: DiskTraits): number {
    this.isReadOnlyMount ??= isReadOnly(this.directory);
    let rights = accessByMode(this.context, out);
    if (this.isReadOnlyMount || (stat.attributes & StatxAttribute.IMMUTABLE) !== 0) rights &= ~Access.WRITE;
    return withOwnerless(rights, traits);
  }

  private openAndFill(out: FileStat, name: string, needsValues: boolean, needsRights: boolean): void {
    const facts = (out.apple ??= emptyAppleFacts());
    const fd = openAt(this.directory, name, Open.PATH | Open.NOFOLLOW);
    if (fd < 0) {
      // It was removed meanwhile, or there are no descriptors: the client asks again when it opens it.
      facts.hasStreams = true;
      facts.rights = ALL_RIGHTS;
      return;
    }
    const path = joinPath(this.path, name);
    if (needsValues) fillAppleValues(this.context, fd, path, facts);
    if (needsRights) this.fillRights(out, facts, fd, path);
    closeFd(fd);
  }

  private fillRights(out: FileStat, facts: AppleFacts, fd: number, path: string): void {
    const { context } = this;
    facts.rights = nodeAccess(context, fd, out);
    if (!this.storesDescriptors) return;
    const descriptor = readNodeDescriptor(context, fd, path);
    if (typeof descriptor === "number") return;
    const token = tokenOfGrant(context.grant);
    facts.descriptorRights = grantedAccess(descriptor, token, ownsOnDisk(token, out.uid));
  }
}

function isReadOnly(directory: number): boolean {
  const space = statfsFd(directory);
  return typeof space === "object" && (space.flags & StatfsFlag.RDONLY) !== 0;
}
