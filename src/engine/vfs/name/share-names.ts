// Name rules of one share: its own character map (vfs_catia(8)) on top of the one that every share has, short
// names, the case of new names, and the choice between several names that match.
//
// Names in composed and decomposed form (NFC, NFD) are two names, as in Samba and Linux, so that both can
// exist. But macOS composes every name that it sends, whatever the listing contained. A client that
// identifies itself as a Mac (AAPL create context) therefore finds a name in the other form where none
// matches exactly, and does not create a second one.
import type { NameRules, ShareGrant } from "../../../port/port.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { foldCase, isAmbiguous, mapInvalidBytes, toClientName, toDiskName } from "./names.ts";
import { isDeviceName, isShortName, looksMangled, makeShortName } from "./short-names.ts";

const asciiOnly = /^[\u0000-\u007f]*$/;

export class ShareNames {
  private readonly rules: NameRules;
  private readonly caseSensitive: boolean;
  private readonly isPosix: boolean;
  private readonly toClientMap = new Map<string, string>();
  private readonly toDiskMap = new Map<string, string>();

  /** `isPosix`: clients with the SMB3 POSIX extensions see names unmapped. */
  constructor(grant: Pick<ShareGrant, "names" | "caseSensitive">, isPosix = false) {
    this.isPosix = isPosix;
    this.rules = grant.names;
    this.caseSensitive = grant.caseSensitive;
    for (const [disk, client] of grant.names.characterMap) {
      this.toClientMap.set(String.fromCharCode(disk), String.fromCharCode(client));
      this.toDiskMap.set(String.fromCharCode(client), String.fromCharCode(disk));
    }
  }

  /** The name as clients of this share see it. */
  toClient(name: string): string {
    if (this.isPosix) return mapInvalidBytes(name);
    return toClientName(this.toClientMap.size === 0 ? name : replaceAll(name, this.toClientMap));
  }

  /** The name on disk; undefined where the mapping yields `.` or `..`. */
  toDisk(name: string): string | undefined {
    // The Linux client maps reserved characters even with the POSIX extensions.
    if (this.isPosix) return this.mapReserved(name);
    if (this.toDiskMap.size === 0) return this.mapReserved(name);
    const mapped = this.mapReserved(replaceAll(name, this.toDiskMap));
    return mapped === "." || mapped === ".." ? undefined : mapped;
  }

  /**
   * With "private" the characters stay in the private use area: FAT cannot store the real ones, and macOS
   * does the same there.
   */
  private mapReserved(name: string): string | undefined {
    return this.rules.reserved === "private" ? name : toDiskName(name);
  }

  /** The short (8.3) name for a name that clients see; "" where it has none. */
  shortNameOf(clientName: string): string {
    const { shortNames, shortNamePrefix } = this.rules;
    if (shortNames === "no" || clientName === "." || clientName === "..") return "";
    if (shortNames === "illegal" && !this.isIllegal(clientName)) return "";
    if (isShortName(clientName) && !isDeviceName(clientName)) return "";
    return makeShortName(this.toDisk(clientName) ?? clientName, shortNamePrefix);
  }

  /** The on-disk name of a new object: `name` (on-disk form) in the case that the share wants. */
  spellNew(name: string): string {
    const { newCase, newShortCase } = this.rules;
    const wanted = isShortName(name) ? newShortCase : newCase;
    if (wanted === "keep") return name;
    return wanted === "upper" ? upcase(name) : lowerCase(name);
  }

  /**
   * True where a name (on-disk form) that does not exist as spelled may exist under another spelling, so that
   * its directory must be searched. `anyForm`: the client is a Mac.
   */
  mayDiffer(name: string, anyForm: boolean): boolean {
    if (!this.caseSensitive || isAmbiguous(name) || this.mayBeShort(name)) return true;
    return anyForm && !asciiOnly.test(name);
  }

  /**
   * Chooses the candidate that `name` stands for. All candidates equal `name` when folded, none is `name`
   * itself.
   */
  choose(candidates: readonly string[], name: string, anyForm: boolean): string | undefined {
    const asked = this.toClient(name);
    const exact = candidates.find((candidate) => this.toClient(candidate) === asked);
    if (exact !== undefined) return exact;
    if (!this.caseSensitive) {
      const folded = foldCase(asked);
      const same = candidates.find((candidate) => foldCase(this.toClient(candidate)) === folded);
      if (same !== undefined) return same;
    }
    if (!anyForm) return undefined;
    if (!this.caseSensitive) return candidates[0];
    const composed = asked.normalize("NFC");
    return candidates.find((candidate) => this.toClient(candidate).normalize("NFC") === composed);
  }

  /** True where `name` may be a short name that this share generated. */
  mayBeShort(name: string): boolean {
    return this.rules.shortNames !== "no" && looksMangled(name);
  }

  /** The rules for short names of on-disk names: shares with the same `rule` generate the same names. */
  get shortNames(): { readonly rule: string; readonly shortOf: (name: string) => string } {
    const { shortNames, shortNamePrefix, characterMap } = this.rules;
    return {
      rule: `${shortNames} ${shortNamePrefix} ${characterMap.join(" ")}`,
      shortOf: (name) => this.shortNameOf(this.toClient(name)),
    };
  }

  private isIllegal(clientName: string): boolean {
    return isAmbiguous(clientName) || isDeviceName(clientName);
  }
}

function replaceAll(name: string, map: ReadonlyMap<string, string>): string {
  let mapped = "";
  for (let i = 0; i < name.length; i++) mapped += map.get(name.charAt(i)) ?? name.charAt(i);
  return mapped;
}

/** Changes single UTF-16 units, and only those that `upcase` maps back. */
function lowerCase(text: string): string {
  let lower = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i);
    const changed = unit.toLowerCase();
    lower += changed.length === 1 && upcase(changed) === upcase(unit) ? changed : unit;
  }
  return lower;
}
