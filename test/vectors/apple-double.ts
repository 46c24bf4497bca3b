// AppleDouble files as macOS wrote them on disks without extended attributes: the bytes that Samba published with
// its tests of their conversion. One has Finder information (TEST, SLOW), the tags of Finder and an attribute
// with a colon in its name, the other Finder information (WAVE, PTul) alone; both end in macOS' placeholder for a
// resource fork.

const HEADER = "00051607 00020000 4d6163204f5320582020202020202020 0002";

const PLACEHOLDER = [
  "00000100 00000100 00000000 0000001e",
  Buffer.from("This resource fork intentionally left blank   \0").toString("hex"),
  "00".repeat(256 - 63),
  "00000100 00000100 00000000 0000001e 0000000000000000 001c 001e ffff",
].join("");

const TAGS =
  "62706c6973743030 a50102030405 54 74657374 66 0047 0072 00fc 006e 000a 0032 56 4c696c610a33" +
  "56 47656c620a35 56 426c61750a34 08 0e 13 20 27 2e 0000000000000101 0000000000000006" +
  "0000000000000000 0000000000000035";

const WITH_ATTRIBUTES = [
  HEADER,
  "00000009 00000032 00000eb0",
  "00000002 00000ee2 0000011e",
  "54455354 534c4f57 0008",
  "00".repeat(22),
  "0000",
  "41545452 53d4580c 00000ee2 000000bc 0000005e 00000000 00000000 00000000 0000 0002",
  "000000bc 0000005b 0000 24",
  Buffer.from("com.apple.metadata:_kMDItemUserTags\0").toString("hex"),
  "00",
  "00000117 00000003 0000 08",
  Buffer.from("foo:bar\0").toString("hex"),
  "66",
  TAGS,
  Buffer.from("baz").toString("hex"),
];

const WITHOUT_ATTRIBUTES = [
  HEADER,
  "00000002 00000052 0000011e",
  "00000009 00000032 00000020",
  "57415645 5054756c",
  "00".repeat(24),
  PLACEHOLDER,
];

function bytesOf(parts: readonly string[]): Uint8Array {
  return Uint8Array.from(Buffer.from(parts.join("").replaceAll(" ", ""), "hex"));
}

export const TAG_BYTES = bytesOf([TAGS]);
export const PLACEHOLDER_BYTES = bytesOf([PLACEHOLDER]);
/** 4,096 bytes. */
export const TAGGED_FILE: Uint8Array = taggedFile();
/** 368 bytes. */
export const TYPED_FILE: Uint8Array = bytesOf(WITHOUT_ATTRIBUTES);

function taggedFile(): Uint8Array {
  const file = new Uint8Array(4096);
  file.set(bytesOf(WITH_ATTRIBUTES));
  file.set(PLACEHOLDER_BYTES, 0xee2);
  return file;
}
