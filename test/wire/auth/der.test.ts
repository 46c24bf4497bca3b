// DER: examples of ITU-T X.690, the object identifiers of RFC 4178, and malformed lengths.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import { decodeOid, DerReader, encodeDer, encodeOid, Tag } from "../../../src/wire/auth/der.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

test("encodes object identifiers as openssl asn1parse -genstr OID: does, and decodes them", () => {
  for (const [dotted, der] of [
    ["1.3.6.1.5.5.2", "06062b0601050502"],
    ["1.3.6.1.4.1.311.2.2.10", "060a2b06010401823702020a"],
    ["1.2.840.113554.1.2.2", "06092a864886f712010202"],
    ["1.2.840.48018.1.2.2", "06092a864882f712010202"],
    ["2.999.3", "0603883703"],
    ["2.5.4.3", "0603550403"],
  ] as const) {
    expect(encodeOid(dotted)).toEqual(hex(der));
    expect(decodeOid(new DerReader(hex(der)).value(Tag.OBJECT_IDENTIFIER))).toBe(dotted);
  }
});

test("truncated, empty, too long and too large object identifiers throw WireError", () => {
  for (const content of ["", "2b86", "ff", "2bffffffff7f".repeat(1), "2b".repeat(65)]) {
    expect(() => decodeOid(hex(content))).toThrow(WireError);
  }
});

test("encodes and decodes short and long lengths", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535]) {
    const content = new Uint8Array(length).fill(9);
    const element = encodeDer(Tag.OCTET_STRING, content);
    expect(new DerReader(element).value(Tag.OCTET_STRING)).toEqual(content);
  }
  // X.690 8.1.3.5: the long form may have leading zeros in BER.
  expect(new DerReader(hex("0483000001aa")).value(Tag.OCTET_STRING)).toEqual(hex("aa"));
});

test("lengths past the end, indefinite lengths and lengths of five octets throw WireError", () => {
  for (const bytes of [
    "",
    "04",
    "0401",
    "0480aa0000",
    "0484ffffffff",
    "04847fffffff00",
    "04850000000001aa",
  ]) {
    expect(() => new DerReader(hex(bytes)).value(Tag.OCTET_STRING)).toThrow(WireError);
  }
  expect(() => new DerReader(hex("1f8101")).next()).toThrow(WireError);
  expect(() => new DerReader(hex("0500")).value(Tag.OCTET_STRING)).toThrow(WireError);
});

test("a nested element that passes the end of the outer one throws WireError", () => {
  const inner = new DerReader(hex("30030402aabb")).enter(Tag.SEQUENCE);
  expect(() => inner.value(Tag.OCTET_STRING)).toThrow(WireError);
});
