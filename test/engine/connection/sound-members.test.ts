// The chain of headers in a message; [MS-SMB2] 3.3.5.2.6, 3.3.5.2.7.
import { describe, expect, test } from "bun:test";
import { hasSoundMembers } from "../../../src/engine/connection/pipeline.ts";
import { Command, HEADER_SIZE, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { compound, request } from "./connection-rig.ts";

describe("hasSoundMembers, 3.3.5.2.6 and 3.3.5.2.7", () => {
  const echo = request({ command: Command.ECHO });
  const two = compound(echo, echo);

  /** Changes one field of the second member of `two`, which begins at 72. */
  function changed(offset: number, value: number): Uint8Array {
    const bytes = two.slice();
    new DataView(bytes.buffer).setUint32(72 + offset, value, true);
    return bytes;
  }
  function withNext(next: number): Uint8Array {
    const bytes = compound(echo, echo);
    new DataView(bytes.buffer).setUint32(HeaderOffset.NEXT_COMMAND, next, true);
    return bytes;
  }

  function unaligned(): Uint8Array {
    const bytes = new Uint8Array(70 + echo.length);
    bytes.set(echo);
    bytes.set(echo, 70);
    new DataView(bytes.buffer).setUint32(HeaderOffset.NEXT_COMMAND, 70, true);
    return bytes;
  }

  test.each([
    ["one request", echo, true],
    ["a header and a StructureSize", echo.slice(0, HEADER_SIZE + 2), true],
    ["a header without a body", echo.slice(0, HEADER_SIZE), false],
    ["no bytes", new Uint8Array(0), false],
    ["two requests", two, true],
    ["512 requests", compound(...Array<Uint8Array>(512).fill(echo)), true],
    ["513 requests", compound(...Array<Uint8Array>(513).fill(echo)), false],
    ["a second header with another ProtocolId", changed(0, 0x424d_53ff), false],
    ["a second header with a StructureSize of 63", changed(HeaderOffset.STRUCTURE_SIZE, 63), false],
    ["a second header that is a response", changed(HeaderOffset.FLAGS, HeaderFlag.SERVER_TO_REDIR), false],
    ["a NextCommand that is no multiple of 8", unaligned(), false],
    ["a NextCommand inside the header", withNext(8), false],
    ["a NextCommand that leaves no room for a body", withNext(HEADER_SIZE), false],
    ["a NextCommand at the end of the message", withNext(two.length), false],
    ["a NextCommand past the end of the message", withNext(0xffff_fff8), false],
    ["a second request that is cut off", two.slice(0, 72 + HEADER_SIZE + 1), false],
  ])("%s: %p", (_, bytes, expected) => {
    for (const start of [0, 5]) {
      const frame = new Uint8Array(start + bytes.length);
      frame.set(bytes, start);
      expect(hasSoundMembers(new DataView(frame.buffer), start, bytes.length)).toBe(expected);
    }
  });
});
