// Decoders of Kerberos' messages and key tables with random and cut bytes: they terminate and throw WireError alone. A
// client that has a ticket chooses what its authenticator contains; RFC 4120 5.3, 5.5.1.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { findEncryptionType, KeyUsage } from "../../src/crypto/kerberos.ts";
import { decodeKeytab } from "../../src/manager/kerberos/keytab.ts";
import { decodeClientInfo, decodeLogonInfo, decodePac } from "../../src/manager/kerberos/pac.ts";
import {
  decodeApReqToken,
  decodeAuthenticator,
  decodeEncTicketPart,
  findPac,
} from "../../src/wire/auth/kerberos.ts";
import { WireError } from "../../src/wire/cursor.ts";
import { createInputs } from "./bytes.ts";

const SEED = 0x5eed_0007;
const COUNT = 20_000;

const [recorded, withPac] = await Promise.all(["kerberos-mit", "kerberos-samba-pac"].map(firstRequest));
if (recorded === undefined || withPac === undefined) throw new Error("no recorded request");
const { token, keytab } = recorded;

async function firstRequest(name: string): Promise<{ token: Uint8Array; keytab: Uint8Array }> {
  const file = Bun.file(join(import.meta.dir, `../vectors/${name}.json`));
  const { requests } = (await file.json()) as { requests: readonly { token: string; keytab: string }[] };
  const bytesOf = (base64 = "") => new Uint8Array(Buffer.from(base64, "base64"));
  return { token: bytesOf(requests[0]?.token), keytab: bytesOf(requests[0]?.keytab) };
}

function opened(of: { token: Uint8Array; keytab: Uint8Array }) {
  const request = decodeApReqToken(of.token);
  const [entry] = decodeKeytab(of.keytab);
  const { sealed } = request.ticket;
  const ticket = findEncryptionType(sealed.etype)?.decrypt(
    entry?.key ?? of.token,
    KeyUsage.TICKET,
    sealed.cipher,
  );
  if (ticket === undefined) throw new Error("the ticket does not open");
  const { key, authorization } = decodeEncTicketPart(ticket);
  const type = findEncryptionType(key.etype);
  const authenticator = type?.decrypt(key.value, KeyUsage.AP_REQ_AUTHENTICATOR, request.authenticator.cipher);
  if (authenticator === undefined) throw new Error("the authenticator does not open");
  return { ticket, authenticator, authorization };
}

const { ticket, authenticator } = opened(recorded);
const { authorization = token } = opened(withPac);
const pac = findPac(authorization) ?? token;

/** What the server decodes of a PAC, whose signature it has verified. */
function decodeWholePac(bytes: Uint8Array) {
  const decoded = decodePac(bytes);
  return [decodeClientInfo(decoded), decodeLogonInfo(decoded)];
}

test.each([
  ["AP-REQ", token, decodeApReqToken],
  ["EncTicketPart", ticket, decodeEncTicketPart],
  ["Authenticator", authenticator, decodeAuthenticator],
  ["AuthorizationData", authorization, findPac],
  ["PAC", pac, decodeWholePac],
] as const)("%s decodes, or throws WireError", (_name, sample, decode) => {
  expect(() => decode(sample)).not.toThrow();
  for (const bytes of createInputs([sample], COUNT, SEED)) {
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
});

test("a key table decodes, or is refused with what is wrong", () => {
  for (const bytes of createInputs([keytab], COUNT, SEED)) {
    try {
      decodeKeytab(bytes);
    } catch (error) {
      expect((error as Error).message).toMatch(/^(is|has) /);
    }
  }
});
