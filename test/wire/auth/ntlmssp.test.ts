// NTLMSSP messages of smbclient and smbd (test/vectors/ntlmssp-samba.json), and fuzzing with a fixed seed.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import {
  AV_FLAG_MIC,
  avFlags,
  AvId,
  decodeAvPairs,
  decodeNtlmAuthenticate,
  decodeNtlmChallenge,
  decodeNtlmNegotiate,
  decodeNtlmType,
  decodeNtlmv2Response,
  encodeAvPairs,
  encodeNtlmAuthenticate,
  encodeNtlmChallenge,
  encodeNtlmNegotiate,
  findAv,
  NtlmFlag,
} from "../../../src/wire/auth/ntlmssp.ts";
import { decodeSpnego } from "../../../src/wire/auth/spnego.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import samba from "../../vectors/ntlmssp-samba.json";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const text16 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf16le");

/** The NTLMSSP message in a captured SPNEGO token. */
function unwrap(token: string): Uint8Array {
  const spnego = decodeSpnego(hex(token));
  const message = spnego.kind === "init" ? spnego.mechToken : spnego.responseToken;
  if (!message) throw new Error("no mechanism token");
  return message;
}

const [exchange] = samba.exchanges;
if (!exchange) throw new Error("nothing captured");

test("decodes and encodes smbclient's NEGOTIATE", () => {
  const message = unwrap(exchange.negotiate);
  expect(decodeNtlmType(message)).toBe(1);
  const flags = decodeNtlmNegotiate(message);
  expect(flags).toBe(0x62088215);
  // The offsets of the two empty names differ: smbclient's are the end of the fixed part, ours are 0.
  const ours = encodeNtlmNegotiate(flags);
  expect(ours.length).toBe(message.length);
  expect(ours.subarray(0, 16)).toEqual(message.subarray(0, 16));
  expect(ours.subarray(32)).toEqual(message.subarray(32));
});

test("decodes and encodes smbd's CHALLENGE", () => {
  const message = unwrap(exchange.challenge);
  expect(decodeNtlmType(message)).toBe(2);
  const challenge = decodeNtlmChallenge(message);
  expect(challenge.targetName).toBe("RIGHOST");
  expect(challenge.flags).toBe(0x628a8215);
  const pairs = decodeAvPairs(challenge.targetInfo);
  expect(pairs.map((pair) => pair.id)).toEqual([
    AvId.NB_DOMAIN_NAME,
    AvId.NB_COMPUTER_NAME,
    AvId.DNS_DOMAIN_NAME,
    AvId.DNS_COMPUTER_NAME,
    AvId.TIMESTAMP,
  ]);
  expect(text16(findAv(pairs, AvId.DNS_COMPUTER_NAME))).toBe("vm");
  expect(encodeAvPairs(pairs)).toEqual(challenge.targetInfo);
  expect(encodeNtlmChallenge(challenge)).toEqual(message);
});

test("decodes and encodes smbclient's AUTHENTICATE", () => {
  const message = unwrap(exchange.authenticate);
  expect(decodeNtlmType(message)).toBe(3);
  const authenticate = decodeNtlmAuthenticate(message, NtlmFlag.UNICODE);
  expect(authenticate).toMatchObject({ domain: "WORKGROUP", user: "smbtester", workstation: "RIGHOST" });
  expect(authenticate.mic).toEqual(hex("97507170108ee8aa7f9cf5c64adddcc5"));
  expect(encodeNtlmAuthenticate(authenticate)).toEqual(message);
  const response = decodeNtlmv2Response(authenticate.ntResponse);
  expect(avFlags(response.avPairs)).toBe(AV_FLAG_MIC);
  expect(text16(findAv(response.avPairs, AvId.TARGET_NAME))).toBe("cifs/127.0.0.1");
  expect(findAv(response.avPairs, AvId.CHANNEL_BINDINGS)).toEqual(new Uint8Array(16));
});

test("an AUTHENTICATE message with payload at the MIC's offset has no MIC", () => {
  const message = unwrap(exchange.authenticate).slice();
  // The offset of the domain name; [MS-NLMP] 2.2.1.3.
  new DataView(message.buffer).setUint32(32, 87, true);
  expect(decodeNtlmAuthenticate(message, NtlmFlag.UNICODE).mic).toBeUndefined();
});

test("fields that point outside the message throw WireError", () => {
  for (let field = 12; field < 60; field += 8) {
    for (const [length, offset] of [
      [2, 0xffff_ffff],
      [2, 0x7fff_ffff],
      [0xfffe, 88],
      [2, 399],
      [2, 0],
    ] as const) {
      const message = unwrap(exchange.authenticate).slice();
      const view = new DataView(message.buffer);
      view.setUint16(field, length, true);
      view.setUint32(field + 4, offset, true);
      if (offset + length <= message.length && offset >= 64) continue;
      expect(() => decodeNtlmAuthenticate(message, NtlmFlag.UNICODE)).toThrow(WireError);
    }
  }
});

test("names of odd length, with lone surrogates or in OEM encoding throw WireError", () => {
  const change = (at: number, value: number): Uint8Array => {
    const message = unwrap(exchange.authenticate).slice();
    new DataView(message.buffer).setUint16(at, value, true);
    return message;
  };
  expect(() => decodeNtlmAuthenticate(change(36, 17), NtlmFlag.UNICODE)).toThrow(WireError);
  expect(() => decodeNtlmAuthenticate(change(0x15e, 0xd800), NtlmFlag.UNICODE)).toThrow(WireError);
  // Without a character set of its own the message has the negotiated one; UTF-16 is no OEM text of ASCII.
  const unnamed = change(60, 0x8214 & ~NtlmFlag.UNICODE);
  expect(decodeNtlmAuthenticate(unnamed, NtlmFlag.UNICODE).user).toBe(
    decodeNtlmAuthenticate(change(60, 0x8215), NtlmFlag.UNICODE).user,
  );
  const eight = change(60, 0x8216);
  const at = new DataView(eight.buffer).getUint32(40, true);
  eight[at] = 0xe9;
  expect(() => decodeNtlmAuthenticate(eight, NtlmFlag.UNICODE)).toThrow(WireError);
});

test("AV pairs past the end throw WireError; a list without MsvAvEOL is accepted", () => {
  expect(decodeAvPairs(hex("0200020041000000"))).toHaveLength(1);
  expect(decodeAvPairs(hex("020002004100"))).toHaveLength(1);
  expect(decodeAvPairs(hex("02000200410000"))).toHaveLength(1);
  expect(() => decodeAvPairs(hex("0200ffff4100"))).toThrow(WireError);
  expect(() => decodeAvPairs(new Uint8Array(4 * 100).fill(9))).toThrow(WireError);
  const many = new Uint8Array(4 * 1_000);
  for (let at = 0; at < many.length; at += 4) many[at] = 5;
  expect(() => decodeAvPairs(many)).toThrow(WireError);
  expect(() => avFlags([{ id: AvId.FLAGS, value: hex("02") }])).toThrow(WireError);
});

test("fuzz: the decoders return or throw WireError", () => {
  const samples = samba.exchanges.flatMap((each) =>
    [each.negotiate, each.challenge, each.authenticate].map(unwrap),
  );
  let decoded = 0;
  for (const input of createInputs(samples, 20_000, 2)) {
    for (const decode of [decodeNtlmType, decodeNtlmNegotiate, decodeNtlmChallenge]) {
      try {
        decode(input);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }
    try {
      avFlags(decodeNtlmv2Response(decodeNtlmAuthenticate(input, NtlmFlag.UNICODE).ntResponse).avPairs);
      decoded++;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  expect(decoded).toBeGreaterThan(1_000);
});
