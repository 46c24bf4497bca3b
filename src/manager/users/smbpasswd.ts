// Samba's smbpasswd(5), which `pdbedit -Lw` prints as well: `NAME:UID:LM HASH:NT HASH:[FLAGS]:LCT-TIME:` in
// each line.
import { showName, userNameFault } from "./user-name.ts";

export interface ImportedUser {
  readonly name: string;
  /** 16 bytes in hex. */
  readonly ntHash: string;
}

export interface Import {
  readonly users: readonly ImportedUser[];
  /** One line for each user that is left out, with the reason. */
  readonly leftOut: readonly string[];
}

const LINE = /^([^:]*):(\d+):([0-9A-FX]{32}):([0-9A-FX]{32}):\[([A-Z ]*)\]:/i;

/** Lines that are not of the format are left out, too: pdbedit prints warnings among them. */
export function parseSmbpasswd(text: string): Import {
  const users: ImportedUser[] = [];
  const leftOut: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, name = "", , , hash = "", flags = ""] = LINE.exec(line) ?? [];
    const reason = hash === "" ? "is not a line of smbpasswd" : reasonAgainst(name, hash, flags);
    if (reason === undefined) users.push({ name, ntHash: hash.toLowerCase() });
    else leftOut.push(hash === "" ? `line ${index + 1} ${reason}` : `user '${showName(name)}' ${reason}`);
  }
  return { users, leftOut };
}

function reasonAgainst(name: string, hash: string, flags: string): string | undefined {
  const fault = userNameFault(name);
  if (fault !== undefined) return `is left out: ${fault}`;
  if (/[WSI]/.test(flags)) return "is left out: it is a computer";
  if (flags.includes("D")) return "is left out: the account is disabled";
  if (flags.includes("N")) return "is left out: it may log on without a password";
  return /^[0-9A-F]{32}$/i.test(hash) ? undefined : "is left out: it has no password";
}
