// Kerberos as a mechanism of SPNEGO: the manager accepts the client's ticket, the context's key signs the
// list of mechanisms. RFC 4121 4.2.6.1 (MIC token), RFC 4757 7.2 (with RC4), [MS-KILE] 3.4.5.
import { timingSafeEqual } from "node:crypto";
import type { EncryptionType } from "../../crypto/kerberos-type.ts";
import { findEncryptionType, KeyUsage, RC4_HMAC } from "../../crypto/kerberos.ts";
import { isRc4Mic, rc4MicToken } from "../../crypto/kerberos-rc4.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { TicketAnswer } from "../../port/ticket.ts";
import { decodeOid, DerReader, encodeDer, encodeOid, Tag } from "../../wire/auth/der.ts";
import { Oid } from "../../wire/auth/spnego.ts";
import { Status } from "../../wire/status.ts";
import { KerberosProtection } from "./kerberos-security.ts";
import { andThen } from "../and-then.ts";
import {
  type AuthContext,
  type Mechanism,
  type MechanismStep,
  type MessageIntegrity,
  refuse,
} from "./mechanism.ts";

type Accepted = Extract<TicketAnswer, { kind: "accepted" }>;

/** TOK_ID 04 04, flags, filler, and the number of the message; RFC 4121 4.2.6.1. */
const MIC_HEADER_BYTES = 16;
const SENT_BY_ACCEPTOR = 0x01;
const ACCEPTOR_SUBKEY = 0x04;

export function createKerberosAcceptor(context: AuthContext): Mechanism {
  /** In the exchange of DCE, while the client owes its last message. */
  let unconfirmed: Accepted | undefined;
  let hasToldTime = false;
  const begin = (answer: TicketAnswer): MaybePromise<MechanismStep> => {
    if (answer.kind === "refused") {
      const fault = refuse(Status.LOGON_FAILURE, `Kerberos: ${answer.reason}`, answer.user);
      if (answer.reply === undefined || hasToldTime) return fault;
      // As Windows and Heimdal, whose clients then make another request; [MS-KILE] 3.4.5.
      hasToldTime = true;
      return { kind: "continue", token: answer.reply, fault };
    }
    if (answer.confirm === undefined || answer.token === undefined) return finish(context, answer);
    unconfirmed = answer;
    return { kind: "continue", token: answer.token };
  };
  return {
    step(token) {
      const answer = unconfirmed;
      if (answer === undefined) return andThen(context.acceptTicket(token), begin);
      unconfirmed = undefined;
      if (answer.confirm?.(token) !== true)
        return refuse(Status.LOGON_FAILURE, "Kerberos: the client's last message is wrong", answer.user);
      return finish(context, { ...answer, token: undefined });
    },
  };
}

function finish(context: AuthContext, answer: Accepted): MaybePromise<MechanismStep> {
  const { user, realm, token, key, etype, expiresMs, membership } = answer;
  const type = findEncryptionType(etype);
  if (type === undefined) throw new Error(`a ticket of unknown encryption type ${etype} was accepted`);
  return andThen(context.findAccount({ user, domain: realm }), (account) => {
    if (account === null || account.isGuest) {
      return refuse(
        Status.LOGON_FAILURE,
        "Kerberos: the ticket is valid, but the server has no such user",
        user,
      );
    }
    return {
      kind: "done",
      token,
      // Whole: AES-256's keys are derived from Session.FullSessionKey, [MS-SMB2] 3.3.5.5.3.
      sessionKey: key.slice(),
      identity: {
        user: account.name,
        domain: realm,
        claimedUser: account.name,
        workstation: "",
        isGuest: false,
        isAnonymous: false,
        accountVersion: account.version,
        membership,
      },
      integrity: type.id === RC4_HMAC ? rc4Integrity(answer) : integrityOf(type, answer),
      expiresMs,
    };
  });
}

function integrityOf(type: EncryptionType, answer: Accepted): MessageIntegrity {
  const { key, sequence, clientSequence, isServerKey, confirm } = answer;
  const subkeyFlag = isServerKey ? ACCEPTOR_SUBKEY : 0;
  return {
    sign(bytes) {
      const header = new Uint8Array(MIC_HEADER_BYTES);
      header.set([0x04, 0x04, SENT_BY_ACCEPTOR | subkeyFlag, 0xff, 0xff, 0xff, 0xff, 0xff]);
      new DataView(header.buffer).setUint32(12, sequence);
      const checksum = type.checksum(key, KeyUsage.ACCEPTOR_SIGN, Buffer.concat([bytes, header]));
      return Buffer.concat([header, checksum]);
    },
    verify(bytes, mic) {
      const header = mic.subarray(0, MIC_HEADER_BYTES);
      const isOurs = header[0] === 0x04 && header[1] === 0x04;
      if (!isOurs || ((header[2] ?? 0) & (SENT_BY_ACCEPTOR | ACCEPTOR_SUBKEY)) !== subkeyFlag) return false;
      const checksum = type.checksum(key, KeyUsage.INITIATOR_SIGN, Buffer.concat([bytes, header]));
      const sent = mic.subarray(MIC_HEADER_BYTES);
      return sent.length === checksum.length && timingSafeEqual(sent, checksum);
    },
    // Outside of DCE's exchange Wrap tokens have another form, in which no client of RPC sends them.
    ...(confirm !== undefined && {
      protection: (first: number, coversHeader: boolean) =>
        new KerberosProtection(
          {
            type,
            key,
            isServerKey,
            sequence: sequence + first,
            clientSequence: clientSequence + first,
          },
          coversHeader,
        ),
    }),
  };
}

function rc4Integrity({ key, sequence }: Accepted): MessageIntegrity {
  return {
    sign: (bytes) =>
      encodeDer(Tag.GSS_TOKEN, encodeOid(Oid.KERBEROS), rc4MicToken(key, bytes, sequence, true)),
    verify(bytes, mic) {
      const frame = new DerReader(mic).value(Tag.GSS_TOKEN);
      const oid = new DerReader(frame).element(Tag.OBJECT_IDENTIFIER);
      if (decodeOid(new DerReader(oid).value(Tag.OBJECT_IDENTIFIER)) !== Oid.KERBEROS) return false;
      return isRc4Mic(key, bytes, frame.subarray(oid.length));
    },
  };
}
