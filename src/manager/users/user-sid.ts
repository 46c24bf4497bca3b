// SIDs of the users of this server ([MS-DTYP] 2.4.2): the machine's SID and a relative identifier.
import { createHash } from "node:crypto";
import { findSystemUser, type SystemAccounts } from "./system-accounts.ts";
import { foldUserName } from "./user-name.ts";

// Above the well-known RIDs and those of accounts on the machine.
const FIRST_NAME_RID = 0x4000_0000;
/** Samba's `algorithmic rid base`: users have the even numbers from here on. */
const FIRST_UNIX_RID = 1_000;

/**
 * The relative identifier of a user; the case of the name does not matter unless it tells the user from
 * another one (`isExact`). Users with an account on the machine have
 * the one that Samba computes from the uid. Others have one derived from the name, so that descriptors can
 * tell them apart although one uid owns all their files.
 */
export function userRid(user: string, isExact: boolean, accounts: SystemAccounts): number {
  const account = findSystemUser(accounts, user, isExact);
  const rid = account === undefined ? FIRST_NAME_RID : FIRST_UNIX_RID + 2 * account.uid;
  return rid < FIRST_NAME_RID ? rid : nameRid(user, isExact);
}

/** The SID of a user without an account on the machine, in the domain of `machine`. */
export function userSid(machine: string, user: string, isExact = false): string {
  return `${machine}-${nameRid(user, isExact)}`;
}

function nameRid(user: string, isExact: boolean): number {
  const digest = createHash("sha256")
    .update(`minismbd user ${isExact ? user : foldUserName(user)}`)
    .digest();
  return FIRST_NAME_RID + (digest.readUInt32LE(0) >>> 2);
}
