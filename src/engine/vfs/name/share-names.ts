// How names of one share's disk and of its clients belong together: the share's own character map (vfs_catia(8)) on
// top of the one that every share has, short names, the case of new names, and which of several names is meant.
//
// Composed and decomposed spellings (NFC, NFD) are two names, as Samba and Linux have it, so that both can be kept;
// but macOS composes every name that it sends, whatever a listing said. So a client that shows itself to be a Mac
// (the AAPL create context) finds a name in the other form where none is spelled exactly as it asks, and makes no
// twin of it.
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

  /** `isPosix`: clients see every character as it stands on the disk. */
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

  /** The name as the disk has it; undefined where it would be no name. */
  toDisk(name: string): string | undefined {
    // Linux maps reserved characters even where it need not.
    if (this.isPosix) return this.mapReserved(name);
    if (this.toDiskMap.size === 0) return this.mapReserved(name);
    const mapped = this.mapReserved(replaceAll(name, this.toDiskMap));
    return mapped === "." || mapped === ".." ? undefined : mapped;
  }

  /** As Macs themselves do it on FAT: what the disk cannot hold as itself stays in the private area. */
  private mapReserved(name: string): string | undefined {
    return this.rules.reserved === "private" ? name : toDiskName(name);
  }

  /** The short name beside a name that clients see; "" where there is none. */
  shortNameOf(clientName: string): string {
    const { shortNames, shortNamePrefix } = this.rules;
    if (shortNames === "no" || clientName === "." || clientName === "..") return "";
    if (shortNames === "illegal" && !this.isIllegal(clientName)) return "";
    if (isShortName(clientName) && !isDeviceName(clientName)) return "";
    return makeShortName(this.toDisk(clientName) ?? clientName, shortNamePrefix);
  }

  /** The name that a new object gets: as spelled, or in the share's case. `name` is in its on-disk form. */
  spellNew(name: string): string {
    const { newCase, newShortCase } = this.rules;
    const wanted = isShortName(name) ? newShortCase : newCase;
    if (wanted === "keep") return name;
    return wanted === "upper" ? upcase(name) : lowerCase(name);
  }

  /**
   * Whether a name (on-disk form) that is not there as spelled may be there all the same, so that its directory is
   * to be searched. `anyForm`: the client is a Mac.
   */
  mayDiffer(name: string, anyForm: boolean): boolean {
    if (!this.caseSensitive || isAmbiguous(name) || this.mayBeShort(name)) return true;
    return anyForm && !asciiOnly.test(name);
  }

  /** Which of a directory's names is meant by `name`, which is none of them; all are equal to it when folded. */
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

  /** Whether `name` could be a short name of this share. */
  mayBeShort(name: string): boolean {
    return this.rules.shortNames !== "no" && looksMangled(name);
  }

  /** By what rule this share makes short names: the same text, the same names. */
  get shortNameRule(): string {
    const { shortNames, shortNamePrefix, characterMap } = this.rules;
    return `${shortNames} ${shortNamePrefix} ${characterMap.join(" ")}`;
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

/** One unit by one, and only what upper case brings back. */
function lowerCase(text: string): string {
  let lower = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i);
    const changed = unit.toLowerCase();
    lower += changed.length === 1 && upcase(changed) === upcase(unit) ? changed : unit;
  }
  return lower;
}
