// SPNEGO tokens of smbclient and smbd (test/vectors/ntlmssp-samba.json), and fuzzing with a fixed seed.
import { describe, expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import { contextTag, encodeDer, Tag } from "../../../src/wire/auth/der.ts";
import {
  decodeSpnego,
  encodeInit,
  encodeInit2,
  encodeMechTypes,
  encodeResp,
  NegState,
  Oid,
} from "../../../src/wire/auth/spnego.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import samba from "../../vectors/ntlmssp-samba.json";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const exchange = samba.exchanges[0];
if (!exchange?.accept) throw new Error("no exchange captured");

test("decodes and encodes smbclient's NegTokenInit", () => {
  const token = decodeSpnego(hex(exchange.negotiate));
  if (token.kind !== "init") throw new Error("not an init");
  expect(token.mechTypes).toEqual([Oid.NTLMSSP]);
  expect(token.mechTypesDer).toEqual(encodeMechTypes([Oid.NTLMSSP]));
  expect(token.mechListMic).toBeUndefined();
  expect(encodeInit(token.mechTypes, token.mechToken)).toEqual(hex(exchange.negotiate));
});

test("decodes and encodes NegTokenResp of smbd and smbclient", () => {
  for (const [bytes, state] of [
    [exchange.challenge, NegState.ACCEPT_INCOMPLETE],
    [exchange.authenticate, undefined],
    [exchange.accept, NegState.ACCEPT_COMPLETED],
  ] as const) {
    const token = decodeSpnego(hex(bytes as string));
    if (token.kind !== "resp") throw new Error("not a response");
    expect(token.state).toBe(state);
    expect(encodeResp(token)).toEqual(hex(bytes as string));
  }
});

test("smbd's NegTokenInit2 has hints where other tokens have the MIC", () => {
  const token = decodeSpnego(hex(samba.negTokenInit2));
  expect(token).toMatchObject({ kind: "init", mechTypes: [Oid.NTLMSSP], mechListMic: undefined });
  expect(encodeInit2([Oid.NTLMSSP])).toEqual(hex(samba.negTokenInit2));
});

test("the mechanism list keeps the client's order", () => {
  const order = [Oid.MS_KERBEROS, Oid.KERBEROS, Oid.NEGOEX, Oid.NTLMSSP];
  const token = decodeSpnego(encodeInit(order, undefined));
  expect(token).toMatchObject({ kind: "init", mechTypes: order, mechToken: undefined });
});

describe("throws WireError for", () => {
  const refused: Record<string, Uint8Array> = {
    nothing: hex(""),
    "another mechanism's GSS token": hex("600b06092a864886f712010202"),
    "a length of 2^31": hex("60847fffffff"),
    "a length of 2^32-1": hex("6084ffffffff0606"),
    "an empty list": encodeInit([], undefined),
    "more mechanisms than there are": encodeInit(new Array<string>(33).fill(Oid.NTLMSSP), undefined),
    "negState out of range": hex("a1073005a0030a0104"),
    "negState of two octets": hex("a1083006a0040a020000"),
  };
  for (const [name, bytes] of Object.entries(refused)) {
    test(name, () => expect(() => decodeSpnego(bytes)).toThrow(WireError));
  }
  test("thousands of nested sequences", () => {
    let nested = new Uint8Array(0);
    while (nested.length < 16_000) nested = encodeDer(Tag.SEQUENCE, nested) as Uint8Array<ArrayBuffer>;
    expect(() => decodeSpnego(nested)).toThrow(WireError);
    // In a field that is skipped the nested sequences are not decoded.
    const field = encodeDer(contextTag(7), nested);
    const token = encodeDer(contextTag(1), encodeDer(Tag.SEQUENCE, field));
    expect(decodeSpnego(token)).toMatchObject({ kind: "resp", state: undefined });
  });
});

test("fuzz: the decoder returns or throws WireError", () => {
  const samples = samba.exchanges.flatMap((each) =>
    [each.negotiate, each.challenge, each.authenticate, each.accept].flatMap((text) =>
      text ? [hex(text)] : [],
    ),
  );
  let decoded = 0;
  for (const input of createInputs(samples, 20_000, 4178)) {
    try {
      decodeSpnego(input);
      decoded++;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  expect(decoded).toBeGreaterThan(1_000);
});
