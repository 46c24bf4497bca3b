// Decoders of Kerberos' messages and key tables with random and cut bytes: they terminate and throw WireError alone. A
// client that has a ticket chooses what its authenticator contains; RFC 4120 5.3, 5.5.1.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { findEncryptionType, KeyUsage } from "../../src/crypto/kerberos.ts";
import { decodeKeytab } from "../../src/manager/kerberos/keytab.ts";
import { decodeApReqToken, decodeAuthenticator, decodeEncTicketPart } from "../../src/wire/auth/kerberos.ts";
import { WireError } from "../../src/wire/cursor.ts";
import { createInputs } from "./bytes.ts";

const SEED = 0x5eed_0007;
const COUNT = 20_000;

const file = Bun.file(join(import.meta.dir, "../vectors/kerberos-mit.json"));
const { requests } = (await file.json()) as { requests: readonly { token: string; keytab: string }[] };
const [recorded] = requests;
if (recorded === undefined) throw new Error("no recorded request");
const token = new Uint8Array(Buffer.from(recorded.token, "base64"));
const keytab = new Uint8Array(Buffer.from(recorded.keytab, "base64"));

function opened(): { ticket: Uint8Array; authenticator: Uint8Array } {
  const request = decodeApReqToken(token);
  const [entry] = decodeKeytab(keytab);
  const { sealed } = request.ticket;
  const ticket = findEncryptionType(sealed.etype)?.decrypt(
    entry?.key ?? token,
    KeyUsage.TICKET,
    sealed.cipher,
  );
  if (ticket === undefined) throw new Error("the ticket does not open");
  const { key } = decodeEncTicketPart(ticket);
  const type = findEncryptionType(key.etype);
  const authenticator = type?.decrypt(key.value, KeyUsage.AP_REQ_AUTHENTICATOR, request.authenticator.cipher);
  if (authenticator === undefined) throw new Error("the authenticator does not open");
  return { ticket, authenticator };
}

const { ticket, authenticator } = opened();

test.each([
  ["AP-REQ", token, decodeApReqToken],
  ["EncTicketPart", ticket, decodeEncTicketPart],
  ["Authenticator", authenticator, decodeAuthenticator],
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
