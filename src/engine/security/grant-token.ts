// The token of a share's user, made of the uid, groups and SID of the grant; cached for each grant.
import { effectiveGid, effectiveUid } from "../../linux/identity.ts";
import type { ShareGrant } from "../../port/port.ts";
import { parseSid } from "../../wire/security/sid.ts";
import { makeToken, type SecurityToken } from "./token.ts";

const tokens = new WeakMap<ShareGrant, SecurityToken>();

export function tokenOfGrant(grant: ShareGrant): SecurityToken {
  const known = tokens.get(grant);
  if (known !== undefined) return known;
  const { credentials, namedUsers, domainSids, asGuest } = grant;
  const token = makeToken({
    uid: credentials?.uid ?? effectiveUid(),
    gid: credentials?.gid ?? effectiveGid(),
    groups: credentials?.groups ?? [],
    sid: namedUsers && namedUsers.sid !== "" ? parseSid(namedUsers.sid) : undefined,
    isGuest: asGuest,
    domainSids: domainSids.map(parseSid),
  });
  tokens.set(grant, token);
  return token;
}
