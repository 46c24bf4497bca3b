// Well-known SIDs and the groups of the built-in domain; [MS-DTYP] 2.4.2.4. Names are those of an English
// Windows.
import { parseSid } from "../../wire/security/sid.ts";

const NT = "NT AUTHORITY";

export const WELL_KNOWN: readonly {
  readonly sid: string;
  readonly name: string;
  readonly authority: string;
}[] = [
  { sid: "S-1-1-0", name: "Everyone", authority: "" },
  { sid: "S-1-2-0", name: "Local", authority: "" },
  { sid: "S-1-3-0", name: "Creator Owner", authority: "" },
  { sid: "S-1-3-1", name: "Creator Group", authority: "" },
  { sid: "S-1-3-4", name: "Owner Rights", authority: "" },
  { sid: "S-1-5-1", name: "Dialup", authority: NT },
  { sid: "S-1-5-2", name: "Network", authority: NT },
  { sid: "S-1-5-3", name: "Batch", authority: NT },
  { sid: "S-1-5-4", name: "Interactive", authority: NT },
  { sid: "S-1-5-6", name: "Service", authority: NT },
  { sid: "S-1-5-7", name: "Anonymous Logon", authority: NT },
  { sid: "S-1-5-8", name: "Proxy", authority: NT },
  { sid: "S-1-5-9", name: "Enterprise Domain Controllers", authority: NT },
  { sid: "S-1-5-10", name: "Self", authority: NT },
  { sid: "S-1-5-11", name: "Authenticated Users", authority: NT },
  { sid: "S-1-5-12", name: "Restricted", authority: NT },
  { sid: "S-1-5-13", name: "Terminal Server User", authority: NT },
  { sid: "S-1-5-14", name: "Remote Interactive Logon", authority: NT },
  { sid: "S-1-5-15", name: "This Organization", authority: NT },
  { sid: "S-1-5-18", name: "SYSTEM", authority: NT },
  { sid: "S-1-5-19", name: "Local Service", authority: NT },
  { sid: "S-1-5-20", name: "Network Service", authority: NT },
];

export const BUILTIN = { name: "BUILTIN", sid: parseSid("S-1-5-32") } as const;

export const ADMINISTRATORS_RID = 544;
export const USERS_RID = 545;
export const GUESTS_RID = 546;

export const BUILTIN_ALIASES: readonly { readonly rid: number; readonly name: string }[] = [
  { rid: ADMINISTRATORS_RID, name: "Administrators" },
  { rid: USERS_RID, name: "Users" },
  { rid: GUESTS_RID, name: "Guests" },
  { rid: 547, name: "Power Users" },
  { rid: 548, name: "Account Operators" },
  { rid: 549, name: "Server Operators" },
  { rid: 550, name: "Print Operators" },
  { rid: 551, name: "Backup Operators" },
  { rid: 552, name: "Replicator" },
  { rid: 554, name: "Pre-Windows 2000 Compatible Access" },
  { rid: 555, name: "Remote Desktop Users" },
  { rid: 556, name: "Network Configuration Operators" },
];

/** Relative identifiers in the machine's domain: the guest, and the primary group of all users. */
export const GUEST_RID = 501;
export const NONE_RID = 513;
