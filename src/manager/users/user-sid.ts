// SIDs of users without an account on the machine ([MS-DTYP] 2.4.2): the server's own domain and a RID
// derived from the name, so that descriptors can tell them apart although one uid owns all their files.
import { createHash } from "node:crypto";
import { foldUserName } from "./user-name.ts";

/** The server's domain SID, `S-1-5-21-…`, derived from `serverGuid` (16 bytes in hex). */
export function serverSid(serverGuid: string): string {
  const digest = createHash("sha256").update(`minismbd domain ${serverGuid}`).digest();
  return `S-1-5-21-${digest.readUInt32LE(0)}-${digest.readUInt32LE(4)}-${digest.readUInt32LE(8)}`;
}

// Above the well-known RIDs and those that other servers allocate upwards from 1000.
const FIRST_RID = 0x4000_0000;

/** The SID of a user; the case of the name does not matter unless it tells the user from another one (`isExact`). */
export function userSid(serverGuid: string, user: string, isExact = false): string {
  const digest = createHash("sha256")
    .update(`minismbd user ${isExact ? user : foldUserName(user)}`)
    .digest();
  return `${serverSid(serverGuid)}-${FIRST_RID + (digest.readUInt32LE(0) >>> 2)}`;
}
