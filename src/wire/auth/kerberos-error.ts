// KRB-ERROR for a client whose clock is wrong, with the server's time, by which the client tries again.
// RFC 4120 5.9.1; RFC 4121 4.1 (frame); [MS-KILE] 2.2.2, 3.4.5.
import { contextTag, encodeDer, encodeInteger, encodeOid, Tag } from "./der.ts";
import type { Authenticator, Ticket } from "./kerberos.ts";
import { Oid } from "./spnego.ts";

const KRB_ERROR = 0x7e;
const TOK_KRB_ERROR = Uint8Array.of(0x03, 0x00);
const MSG_KRB_ERROR = 30;
const GENERALIZED_TIME = 0x18;
const KRB_AP_ERR_SKEW = 37;
/** data-type of KERB-ERROR-DATA. */
const KERB_AP_ERR_TYPE_SKEW_RECOVERY = 2;

/** Encodes KRB_AP_ERR_SKEW in GSS-API's frame. `nowMs`: the server's time, milliseconds since 1970. */
export function encodeSkewErrorToken(
  { realm, service }: Pick<Ticket, "realm" | "service">,
  { timeDer, microseconds }: Pick<Authenticator, "timeDer" | "microseconds">,
  nowMs: number,
): Uint8Array {
  const text = (value: string) => encodeDer(Tag.GENERAL_STRING, new TextEncoder().encode(value));
  const field = (number: number, content: Uint8Array) => encodeDer(contextTag(number), content);
  const name = encodeDer(
    Tag.SEQUENCE,
    field(0, encodeInteger(2)), // NT-SRV-INST
    field(1, encodeDer(Tag.SEQUENCE, ...service.map(text))),
  );
  const data = encodeDer(Tag.SEQUENCE, field(1, encodeInteger(KERB_AP_ERR_TYPE_SKEW_RECOVERY)));
  const fields = encodeDer(
    Tag.SEQUENCE,
    field(0, encodeInteger(5)),
    field(1, encodeInteger(MSG_KRB_ERROR)),
    field(2, timeDer),
    field(3, encodeInteger(microseconds)),
    field(4, encodeTime(nowMs)),
    field(5, encodeInteger(Math.floor(nowMs % 1000) * 1000)),
    field(6, encodeInteger(KRB_AP_ERR_SKEW)),
    field(9, text(realm)),
    field(10, name),
    field(12, encodeDer(Tag.OCTET_STRING, data)),
  );
  return encodeDer(Tag.GSS_TOKEN, encodeOid(Oid.KERBEROS), TOK_KRB_ERROR, encodeDer(KRB_ERROR, fields));
}

/** "20261128212500Z" */
function encodeTime(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return encodeDer(GENERALIZED_TIME, new TextEncoder().encode(digits));
}
