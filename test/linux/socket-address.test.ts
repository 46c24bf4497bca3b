// Socket addresses: text, sockaddr structures and back.
import { describe, expect, test } from "bun:test";
import { Scratch } from "../../src/linux/libc.ts";
import {
  decodeSocketAddress,
  encodeSocketAddress,
  formatSocketAddress,
  parseSocketAddress,
  SOCKADDR6_SIZE,
  type SocketAddress,
} from "../../src/linux/socket-address.ts";

function parse(text: string, scope = 0): SocketAddress {
  const address = parseSocketAddress(text, 445, scope);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

describe("an address is printed by RFC 5952", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    // One group of zeros is written out.
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    // The longest run of zeros is shortened, of two equal ones the first.
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::ffff:c000:207", "192.0.2.7"],
    ["::192.0.2.7", "::c000:207"],
  ])("%s as %s", (text, printed) => {
    expect(formatSocketAddress(parse(text))).toBe(printed);
  });
});

test("a link-local address has its zone, by name where the interface has one", () => {
  expect(formatSocketAddress(parse("fe80::1", 3))).toBe("fe80::1%3");
  expect(formatSocketAddress(parse("fe80::1", 3), () => "eth0")).toBe("fe80::1%eth0");
});

test.each(["", "localhost", "1.2.3", "1.2.3.256", "::g", "1::2::3", "fe80::1%eth0", "*"])(
  "%s is no address",
  (text) => {
    expect(parseSocketAddress(text, 445)).toBeUndefined();
  },
);

test.each([
  ["192.168.1.20", 0],
  ["2001:db8::42", 0],
  ["fe80::abcd", 7],
])("%s survives the kernel's structure", (text, scope) => {
  const room = new Scratch(SOCKADDR6_SIZE);
  const address = parse(text, scope);
  room.bytes.fill(0xff);
  encodeSocketAddress(room, address);
  expect(decodeSocketAddress(room)).toEqual(address);
});
