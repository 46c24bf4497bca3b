// SIDs of users for whom the machine has no account: the server's own domain, and a relative id that is made of the
// name, so that descriptors name them though all their files belong to one uid. [MS-DTYP] 2.4.2.
import { createHash } from "node:crypto";
import { foldUserName } from "./user-name.ts";

/** `S-1-5-21-…` of this server; the same as long as `serverGuid` (16 bytes in hex) is. */
export function serverSid(serverGuid: string): string {
  const digest = createHash("sha256").update(`minismbd domain ${serverGuid}`).digest();
  return `S-1-5-21-${digest.readUInt32LE(0)}-${digest.readUInt32LE(4)}-${digest.readUInt32LE(8)}`;
}

// Apart from the well-known ones and from what others count upwards from 1000.
const FIRST_RID = 0x4000_0000;

/** The SID of a user by name, whatever its case. */
export function userSid(serverGuid: string, user: string): string {
  const digest = createHash("sha256")
    .update(`minismbd user ${foldUserName(user)}`)
    .digest();
  return `${serverSid(serverGuid)}-${FIRST_RID + (digest.readUInt32LE(0) >>> 2)}`;
}
