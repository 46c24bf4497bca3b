// Messages recorded from Samba or published by others: decoding and encoding again gives the same bytes.
import { expect, test } from "bun:test";
import { Message, WireError } from "../../../src/wire/cursor.ts";
import { HEADER_SIZE } from "../../../src/wire/header.ts";
import { codecOf, encodeAgain, headerOf, recordedMessages } from "../vectors.ts";

const smb2 = recordedMessages().filter(({ bytes }) => bytes[0] === 0xfe);

/**
 * Ranges [from, to) of a body without meaning, which differ between senders, by codec. IOCTL: the offsets of
 * empty buffers; CREATE: SmbCreateFlags, which is reserved; ERROR without data: its one byte.
 */
const IGNORED: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  IoctlRequest: [
    [24, 28],
    [36, 40],
  ],
  CreateRequest: [[8, 16]],
  ErrorResponse: [[8, 9]],
};

/**
 * The body in hex, zero-padded to a message of `length` bytes, because some senders pad to a multiple of 8.
 */
function bodyOf(bytes: Uint8Array, length: number, codec: string): string {
  const body = new Uint8Array(length - HEADER_SIZE);
  body.set(bytes.subarray(HEADER_SIZE, length));
  for (const [from, to] of IGNORED[codec] ?? []) body.fill(0, from, to);
  return Buffer.from(body).toString("hex");
}

test("the vectors have messages of every command", () => {
  const commands = new Set(smb2.map(({ bytes }) => headerOf(bytes).command));
  expect(commands.size).toBe(19);
  expect(smb2.length).toBeGreaterThan(200);
});

/** smbtorture's smb2.lock.valid-request: LockCount 0, which must fail with STATUS_INVALID_PARAMETER. */
const isLockOfNothing = (bytes: Uint8Array) =>
  bytes[12] === 0x0a && bytes[HEADER_SIZE] === 48 && bytes[66] === 0;

for (const { name, bytes } of smb2) {
  const chosen = codecOf(bytes);
  if (isLockOfNothing(bytes)) {
    test(`${chosen.name} of ${name} throws WireError`, () => {
      expect(() => chosen.decode(new Message(bytes))).toThrow(WireError);
    });
    continue;
  }
  test(`${chosen.name} of ${name} decodes and encodes again to the same bytes`, () => {
    const value = chosen.decode(new Message(bytes));
    const again = encodeAgain(bytes, chosen, value);
    expect(again.length).toBeGreaterThan(bytes.length - 8);
    expect(bodyOf(again, Math.max(bytes.length, again.length), chosen.name)).toBe(
      bodyOf(bytes, Math.max(bytes.length, again.length), chosen.name),
    );
    expect(chosen.decode(new Message(again))).toEqual(value);
  });
}
