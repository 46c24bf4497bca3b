// srvsvc: the list of shares, and one share. [MS-SRVS] 3.1.4.7 to 3.1.4.14, 2.2.4.22 to 2.2.4.31 (levels).
import { type EntryForm, readLevel, readRest, refuseEnumeration, writeEnumeration } from "./enumeration.ts";
import { isProven, type RpcCall, type RpcOperation, type RpcShare, Win32Error } from "./interface.ts";
import type { NdrWriter } from "./ndr.ts";

/** [MS-SRVS] 2.2.2.4. */
export const ShareType = { DISK: 0, IPC: 3, SPECIAL: 0x8000_0000 } as const;
/** shi_max_uses of a share without a limit. */
export const UNLIMITED = 0xffff_ffff;
/** Tree connects that are counted: more would keep the event loop. */
const MAX_TREES = 2_000;

/** A share and the number of its tree connects. */
interface ListedShare extends RpcShare {
  readonly uses: number;
}

interface ShareLevel {
  write(output: NdrWriter, share: ListedShare): void;
  readonly bytesEach: number;
  /** Contains paths: refused to guests and anonymous sessions. */
  readonly isPrivate?: boolean;
  readonly hasUses?: boolean;
}

function writeName(output: NdrWriter, share: ListedShare): void {
  output.text(share.name);
  output.u32(shareType(share));
  output.text(share.comment);
}

function writeDetails(output: NdrWriter, share: ListedShare): void {
  writeName(output, share);
  output.u32(0);
  output.u32(UNLIMITED);
  output.u32(share.uses);
  output.text(windowsPath(share.path));
  // The password of share-level security.
  output.text("");
}

/** Length and pointer of a security descriptor: shares have none. */
function writeNoDescriptor(output: NdrWriter): void {
  output.u32(0);
  output.pointer(false);
}

const LEVELS: Readonly<Record<number, ShareLevel>> = {
  0: { write: (output, share) => output.text(share.name), bytesEach: 20 },
  1: { write: writeName, bytesEach: 40 },
  2: { write: writeDetails, bytesEach: 100, isPrivate: true, hasUses: true },
  501: {
    write(output, share) {
      writeName(output, share);
      output.u32(0);
    },
    bytesEach: 44,
  },
  502: {
    write(output, share) {
      writeDetails(output, share);
      writeNoDescriptor(output);
    },
    bytesEach: 108,
    isPrivate: true,
    hasUses: true,
  },
  // As 502, with the name of the server that the share belongs to: all of them.
  503: {
    write(output, share) {
      writeDetails(output, share);
      output.text("*");
      writeNoDescriptor(output);
    },
    bytesEach: 120,
    isPrivate: true,
    hasUses: true,
  },
  1004: { write: (output, share) => output.text(share.comment), bytesEach: 20 },
  1005: { write: (output, share) => output.u32(shareFlags(share)), bytesEach: 4 },
  1006: { write: (output) => output.u32(UNLIMITED), bytesEach: 4 },
  // The flags of level 1005 and an alternate directory name.
  1007: {
    write(output, share) {
      output.u32(shareFlags(share));
      output.text("");
    },
    bytesEach: 24,
  },
  1501: { write: writeNoDescriptor, bytesEach: 8, isPrivate: true },
};

/** SHI1005_FLAGS_DFS and DFS_ROOT; client-side caching is off. [MS-SRVS] 2.2.4.29. */
function shareFlags({ isDfsRoot }: RpcShare): number {
  return isDfsRoot ? 0x3 : 0;
}

function shareType(share: RpcShare): number {
  return share.type === "pipe" ? (ShareType.IPC | ShareType.SPECIAL) >>> 0 : ShareType.DISK;
}

/** Clients expect a drive letter; they cannot use the path. */
export function windowsPath(path: string): string {
  return `C:${(path || "/").replaceAll("/", "\\")}`;
}

/** The path that `windowsPath` shows as this one; undefined for another drive and for a relative path. */
export function unixPath(path: string): string | undefined {
  const directory = path.replace(/^c:/i, "").replaceAll("\\", "/");
  if (!directory.startsWith("/") || directory.startsWith("//")) return undefined;
  return directory === "/" ? "/" : directory.replace(/\/+$/, "");
}

function formOf({ write, bytesEach, isPrivate = false }: ShareLevel): EntryForm<ListedShare> {
  const textUnits = ({ name, comment, path }: ListedShare): number =>
    name.length + comment.length + (isPrivate ? path.length : 0);
  return { write, bytesEach, textUnits };
}

/** The shares, with the number of their tree connects where the level tells it. */
function listShares({ context, identity }: RpcCall, { hasUses = false }: ShareLevel): ListedShare[] {
  const uses = new Map<string, number>();
  let seen = 0;
  for (const { share } of hasUses ? (context.engine?.tables.trees() ?? []) : []) {
    if (++seen > MAX_TREES) break;
    uses.set(share, (uses.get(share) ?? 0) + 1);
  }
  return context.shares(identity).map((share) => ({ ...share, uses: uses.get(share.name) ?? 0 }));
}

/** As in Samba, NetrShareEnum lists names that end in $ and NetrShareEnumSticky does not. */
export function enumerateShares(call: RpcCall, withHidden: boolean): void {
  const { input, output, identity } = call;
  input.skipServerName();
  const level = readLevel(input);
  const form = LEVELS[level];
  if (!form || (form.isPrivate && !isProven(identity))) {
    const error = form ? Win32Error.ACCESS_DENIED : Win32Error.INVALID_LEVEL;
    refuseEnumeration(output, level, form !== undefined, error);
    return;
  }
  const listed = listShares(call, form).filter(
    (share) => share.browseable && (withHidden || !share.name.endsWith("$")),
  );
  writeEnumeration(output, readRest(input, level), formOf(form), listed);
}

export const getShare: RpcOperation = (call) => {
  const { input, output, identity } = call;
  input.skipServerName();
  const name = input.string().toLowerCase();
  const level = input.u32();
  const form = LEVELS[level];
  let error: number = Win32Error.SUCCESS;
  let share: ListedShare | undefined;
  if (!form) error = Win32Error.INVALID_LEVEL;
  else if (form.isPrivate && !isProven(identity)) error = Win32Error.ACCESS_DENIED;
  else {
    share = listShares(call, form).find((each) => each.name.toLowerCase() === name);
    if (!share) error = Win32Error.NET_NAME_NOT_FOUND;
  }
  output.u32(level);
  if (form) output.pointer(share !== undefined);
  if (form && share) {
    form.write(output, share);
    output.referents();
  }
  output.u32(error);
};

/** NetrShareCheck: whether a device, by its path, is shared. */
export const checkShare: RpcOperation = ({ input, output, context, identity }) => {
  input.skipServerName();
  const device = input.string().toLowerCase();
  const share = isProven(identity)
    ? context.shares(identity).find((each) => windowsPath(each.path).toLowerCase() === device)
    : undefined;
  output.u32(share ? shareType(share) : 0);
  output.u32(share ? Win32Error.SUCCESS : Win32Error.DEVICE_NOT_SHARED);
};
