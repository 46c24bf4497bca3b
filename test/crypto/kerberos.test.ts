// Kerberos' encryption types against the vectors of RFC 3961 A.1 and RFC 8009 A, and the answers of
// impacket 0.10.0 (krb5/crypto.py).
import { expect, test } from "bun:test";
import { findEncryptionType } from "../../src/crypto/kerberos.ts";
import { foldTo } from "../../src/crypto/kerberos-aes.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
const ascii = (text: string) => new TextEncoder().encode(text);

test.each([
  ["012345", 8, "be072631276b1955"],
  ["password", 7, "78a07b6caf85fa"],
  ["Rough Consensus, and Running Code", 8, "bb6ed30870b7f0e0"],
  ["password", 21, "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"],
  ["MASSACHVSETTS INSTITVTE OF TECHNOLOGY", 24, "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b"],
  ["Q", 21, "518a54a2 15a8452a 518a54a2 15a8452a 518a54a2 15"],
  ["ba", 21, "fb25d531 ae897449 9f52fd92 ea9857c4 ba24cf29 7e"],
  ["kerberos", 16, "6b657262 65726f73 7b9b5b2b 93132b93"],
])("n-fold of %p to %i bytes (RFC 3961 A.1)", (text, length, expected) => {
  expect(foldTo(ascii(text), length).toHex()).toBe(expected.replaceAll(" ", ""));
});

test.each([
  // RFC 8009 A: plain text, confounder, cipher text with its hash; usage 2.
  [
    19,
    "3705D96080C17728A0E800EAB6E0D23C",
    "",
    "7E5895EAF2672435BAD817F545A37148",
    "EF85FB890BB8472F4DAB20394DCA781DAD877EDA39D50C870C0D5A0A8E48C718",
  ],
  [
    19,
    "3705D96080C17728A0E800EAB6E0D23C",
    "000102030405",
    "7BCA285E2FD4130FB55B1A5C83BC5B24",
    "84D7F30754ED987BAB0BF3506BEB09CFB55402CEF7E6877CE99E247E52D16ED4421DFDF8976C",
  ],
  [
    19,
    "3705D96080C17728A0E800EAB6E0D23C",
    "000102030405060708090A0B0C0D0E0F",
    "56AB21713FF62C0A1457200F6FA9948F",
    "3517D640F50DDC8AD3628722B3569D2AE07493FA8263254080EA65C1008E8FC295FB4852E7D83E1E7C48C37EEBE6B0D3",
  ],
  [
    19,
    "3705D96080C17728A0E800EAB6E0D23C",
    "000102030405060708090A0B0C0D0E0F1011121314",
    "A7A4E29A4728CE10664FB64E49AD3FAC",
    "720F73B18D9859CD6CCB4346115CD336C70F58EDC0C4437C5573544C31C813BCE1E6D072C186B39A413C2F92CA9B8334A287FFCBFC",
  ],
  [
    20,
    "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52",
    "",
    "F764E9FA15C276478B2C7D0C4E5F58E4",
    "41F53FA5BFE7026D91FAF9BE959195A058707273A96A40F0A01960621AC612748B9BBFBE7EB4CE3C",
  ],
  [
    20,
    "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52",
    "000102030405",
    "B80D3251C1F6471494256FFE712D0B9A",
    "4ED7B37C2BCAC8F74F23C1CF07E62BC7B75FB3F637B9F559C7F664F69EAB7B6092237526EA0D1F61CB20D69D10F2",
  ],
])("type %i encrypts and decrypts (RFC 8009 A)", (id, key, plain, confounder, expected) => {
  const type = findEncryptionType(id);
  const sealed = type?.encrypt(hex(key), 2, hex(plain), hex(confounder)) ?? new Uint8Array(0);
  expect(sealed.toHex().toUpperCase()).toBe(expected);
  expect(type?.decrypt(hex(key), 2, sealed)?.toHex().toUpperCase()).toBe(plain);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  expect(type?.decrypt(hex(key), 2, sealed)).toBeUndefined();
});

test("checksums of RFC 8009 A", () => {
  const data = hex("000102030405060708090A0B0C0D0E0F1011121314");
  expect(findEncryptionType(19)?.checksum(hex("3705D96080C17728A0E800EAB6E0D23C"), 2, data).toHex()).toBe(
    "d78367186643d67b411cba9139fc1dee",
  );
  const key = hex("6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52");
  expect(findEncryptionType(20)?.checksum(key, 2, data).toHex()).toBe(
    "45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a",
  );
});

const keyOf = (length: number) => Uint8Array.from({ length }, (_, i) => i + 1);

test.each([
  [17, 0, "be342b2753b9fc625c91a356ff22f8cb4955cfbc2832634ce32c2593"],
  [17, 1, "c7b1ad7d6fa8c5990993c819d03f2875be8779586a2a66ecca2c9764bd"],
  [17, 15, "9da3ed7035bb5edcdcd53d919b4e426abe342b2753b9fc625c91a356ff22f8ba2d1a044bf3ad1ccdcddd0f"],
  [17, 16, "c0070f7c6bfbf67693318fbf6b2ed303be342b2753b9fc625c91a356ff22f8cb763462ed143a9d1ef803c823"],
  [17, 17, "be342b2753b9fc625c91a356ff22f8cb1147df2aeeebc7719349abe1f2285e3cc09b3bcaf37f322f57fcbf384e"],
  [
    17,
    33,
    "be342b2753b9fc625c91a356ff22f8cbc0070f7c6bfbf67693318fbf6b2ed3030663840ca7235aac6c90161e61edfe342db6198c22b9af15445cce760c",
  ],
  [18, 0, "b3162008f53e86b8de613dbd7686f98ff44b695cb3e381f91533650c"],
  [18, 1, "1b571185ad2ba4d7d423c1a7b6755792b358278fe6f73545662f8d99eb"],
  [18, 15, "e0cf841190edb4b23e6ef3b44e740eafb3162008f53e86b8de613dbd7686f9bb6f26f43d6788e8d17b10ef"],
  [18, 16, "1ffc95e13fb8ad14daa8d1c815c350e8b3162008f53e86b8de613dbd7686f98f56d3be7ac5abb1a6ef51b4e1"],
  [18, 17, "b3162008f53e86b8de613dbd7686f98f00fa8c2d9d790073aa5b1e29ccaa0f8b1f85d870a9a2ca6ee25a5e30af"],
  [
    18,
    33,
    "b3162008f53e86b8de613dbd7686f98f1ffc95e13fb8ad14daa8d1c815c350e82a36881ad01ade418b48294b7d70b04f3b9f1eeb889c9dd61f00b27a8d",
  ],
  [23, 0, "0c60584aac05831e06eb55276f4fe17fa1c5c10405331fd7"],
  [23, 1, "d69cb5cac3d6917af38f81708275494783610e91e1c4ae7860"],
  [23, 15, "0ed45b28d3dbf50d27652e8b60dfcea81e969f9e6cf8359b508e5d7b40dce06ed7d06a81e4a446"],
  [23, 16, "84e6a930c301c7cbbd2fee8786a9114afd607baa23b90bb14cc5c6f8105d0f3920632037ba8d208a"],
  [23, 17, "8f4843a5abdeb94a996af7c7bb58d63c165554e7f4bea0f33102ce564e5094525097bb32869517ef03"],
  [
    23,
    33,
    "3e842d88f461d7d14b193deda5c45d01d3574953371f0bb68f7c90d9120fd1586c9e11979a4a339b507f643d9137face823f1eb3548b649d7e",
  ],
])("type %i encrypts %i bytes as impacket does", (id, length, expected) => {
  const type = findEncryptionType(id);
  if (type === undefined) throw new Error(`no type ${id}`);
  const data = Uint8Array.from({ length }, (_, i) => i);
  const confounder = Uint8Array.from({ length: type.confounderBytes }, (_, i) => i + 100);
  const sealed = type.encrypt(keyOf(type.keyBytes), 11, data, confounder);
  expect(sealed.toHex()).toBe(expected);
  expect(type.decrypt(keyOf(type.keyBytes), 11, sealed)?.toHex()).toBe(data.toHex());
  expect(type.decrypt(keyOf(type.keyBytes), 12, sealed)).toBeUndefined();
});

test.each([
  [17, "b33c8b8e0cfa8358b7757d48"],
  [18, "d9d8bee6537f5b640aa66b85"],
  [23, "568cb10396f24a117a48a5236c892b51"],
])("type %i makes impacket's checksum", (id, expected) => {
  const type = findEncryptionType(id);
  expect(type?.checksum(keyOf(type.keyBytes), 2, ascii("abcdef")).toHex()).toBe(expected);
});

test.each([17, 18, 19, 20, 23])("type %i refuses what is cut short", (id) => {
  const type = findEncryptionType(id);
  for (let length = 0; length < 40; length++) {
    expect(type?.decrypt(keyOf(type.keyBytes), 2, new Uint8Array(length))).toBeUndefined();
  }
});
