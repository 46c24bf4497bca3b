// The token of a share's user, by the uid, the groups and the SID that the grant gives.
import { effectiveGid, effectiveUid } from "../../linux/identity.ts";
import type { ShareGrant } from "../../port/port.ts";
import { parseSid } from "../../wire/security/sid.ts";
import { makeToken, type SecurityToken } from "./token.ts";

const tokens = new WeakMap<ShareGrant, SecurityToken>();

export function tokenOfGrant(grant: ShareGrant): SecurityToken {
  const known = tokens.get(grant);
  if (known !== undefined) return known;
  const { credentials, namedUsers, asGuest } = grant;
  const token = makeToken({
    uid: credentials?.uid ?? effectiveUid(),
    gid: credentials?.gid ?? effectiveGid(),
    groups: credentials?.groups ?? [],
    sid: namedUsers && namedUsers.sid !== "" ? parseSid(namedUsers.sid) : undefined,
    isGuest: asGuest,
  });
  tokens.set(grant, token);
  return token;
}
