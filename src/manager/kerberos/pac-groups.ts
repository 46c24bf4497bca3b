// The domain and the groups of a user by the PAC of a ticket; [MS-KILE] 3.4.5.3. Nothing of a PAC is used
// before its signature, its client and its time are those of the ticket.
import type { EncryptionType } from "../../crypto/kerberos-type.ts";
import type { DomainMembership } from "../../port/ticket.ts";
import { type EncTicketPart, findPac } from "../../wire/auth/kerberos.ts";
import { formatSid, type Sid } from "../../wire/security/sid.ts";
import { decodeClientInfo, decodeLogonInfo, decodePac, isSignedBy } from "./pac.ts";
import { TicketError } from "./ticket-error.ts";

/**
 * Throws TicketError without a PAC that names groups: a client may ask for a ticket without one
 * (KERB-PA-PAC-REQUEST), which must not free its user from what his groups are denied. Throws WireError where
 * it does not decode. `serviceKey`: the key that opened the ticket; `ownDomain`: SID of this machine's users.
 */
export function membershipOf(
  { authorization, authMs, client }: EncTicketPart,
  serviceKey: { readonly type: EncryptionType; readonly value: Uint8Array },
  user: string,
  ownDomain: string,
): DomainMembership {
  const bytes = authorization && findPac(authorization);
  if (bytes === undefined)
    throw new TicketError("a ticket without a PAC, which 'kerberos pac groups' needs", user);
  const pac = decodePac(bytes);
  if (!isSignedBy(pac, serviceKey.type, serviceKey.value))
    throw new TicketError("the PAC is not signed with the key of this service", user);
  const of = decodeClientInfo(pac);
  if (of === undefined || of.name !== client.join("/") || of.authMs !== authMs)
    throw new TicketError("the PAC is another ticket's", user);
  const info = decodeLogonInfo(pac);
  if (info === undefined)
    throw new TicketError("a PAC without groups, which 'kerberos pac groups' needs", user);
  const domainSid = formatSid(info.domainSid);
  if (!isOfDomain(info.user) || domainSid === ownDomain)
    throw new TicketError(`a PAC with ${domainSid} as the SID of a domain`, user);
  return {
    domain: info.domain,
    domainSid,
    sids: [info.user, ...info.groups]
      .filter(isOfDomain)
      .map(formatSid)
      .filter((sid) => !sid.startsWith(`${ownDomain}-`)),
  };
}

/**
 * SIDs of domains alone: with those of Unix users and groups, or of the machine's own administrators, the key
 * distribution centre would decide about this machine. The rest (asserted identities, claims) no rule names.
 */
function isOfDomain({ authority, subAuthorities }: Sid): boolean {
  return authority === 5 && subAuthorities[0] === 21 && subAuthorities.length === 5;
}
