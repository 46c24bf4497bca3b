import { expect, test } from "bun:test";
import {
  isHostAllowed as isPeerAllowed,
  parseAddress,
  parseHostRule,
} from "../../../src/manager/config/hosts.ts";
import { ConfigError } from "../../../src/manager/config/parse.ts";

function rule(allow: string, deny = "") {
  const words = (text: string) => text.split(" ").filter((word) => word !== "");
  return parseHostRule({ words: words(allow), position: "f:1" }, { words: words(deny), position: "f:2" });
}

const isHostAllowed = (of: ReturnType<typeof rule>, address: string) =>
  isPeerAllowed(of, { address, arrival: "" });

test.each([
  ["192.168.1.", "192.168.1.77", true],
  ["192.168.1.", "192.168.10.77", false],
  ["192.168.1.0/24", "192.168.1.77", true],
  ["192.168.1.0/255.255.255.0", "192.168.2.77", false],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "10.1.2.4", false],
  ["fd00::/8", "fd12:3456::1", true],
  ["fd00::/8", "2001:db8::1", false],
  ["192.168.1.0/24", "::ffff:192.168.1.5", true],
  ["ALL EXCEPT 10.0.0.0/8", "10.2.3.4", false],
  ["ALL EXCEPT 10.0.0.0/8", "11.2.3.4", true],
  ["10.0.0.0/8", "127.0.0.1", true],
  ["10.0.0.0/8", "::1", true],
  ["10.0.0.0/8", "not an address", false],
])("hosts allow %s for %s: %p", (allow, address, allowed) => {
  expect(isHostAllowed(rule(allow), address)).toBe(allowed);
});

test("hosts deny alone admits all other addresses", () => {
  expect(isHostAllowed(rule("", "10.0.0.0/8"), "10.1.1.1")).toBe(false);
  expect(isHostAllowed(rule("", "10.0.0.0/8"), "192.168.1.1")).toBe(true);
  expect(isHostAllowed(rule("", "ALL"), "127.0.0.1")).toBe(false);
});

test("hosts allow has priority over hosts deny", () => {
  const both = rule("10.1.1.1", "10.0.0.0/8");
  expect(isHostAllowed(both, "10.1.1.1")).toBe(true);
  expect(isHostAllowed(both, "10.1.1.2")).toBe(false);
  expect(isHostAllowed(both, "192.168.1.1")).toBe(true);
});

test("without lists every address is allowed", () => {
  expect(rule("")).toBeNull();
  expect(isHostAllowed(null, "203.0.113.9")).toBe(true);
});

test.each([
  "10.0.0.x",
  "10.0.0.0/33",
  "10.0.0",
  "300.1.1.1",
  "fe80::/129",
  "10.0.0.0/255.0.255.0",
  "@netgroup",
  "interface:",
  "interface:br-*",
  "interface:0123456789abcdef",
  "interface:../eth0",
])("%s is refused", (word) => {
  expect(() => rule(word)).toThrow(ConfigError);
});

test("addresses are parsed as sockets report them", () => {
  expect(Buffer.from(parseAddress("fe80::1%eth0") ?? []).toString("hex")).toBe(
    "fe800000000000000000000000000001",
  );
  expect(Buffer.from(parseAddress("::ffff:1.2.3.4") ?? []).toString("hex")).toBe(
    "00000000000000000000ffff01020304",
  );
  expect(parseAddress("1::2::3")).toBeUndefined();
  expect(parseAddress("1:2:3:4:5:6:7:8:9")).toBeUndefined();
});

const LINKS = { addressesOf: () => undefined, hasInterface: (name: string) => name !== "away" };

test.each([
  ["interface:br-lan", "", "br-lan", true],
  ["INTERFACE:br-lan", "", "br-lan", true],
  ["interface:br-lan", "", "BR-LAN", false],
  ["interface:br-lan", "", "wan", false],
  ["interface:br-lan", "", "", false],
  ["interface:away", "", "wan", false],
  ["10. interface:away", "", "wan", true],
  ["ALL EXCEPT interface:wan", "", "wan", false],
  ["ALL EXCEPT interface:wan", "", "br-lan", true],
  ["ALL EXCEPT interface:wan", "", "", false],
  ["ALL EXCEPT interface:away", "", "br-lan", false],
  ["", "interface:wan", "wan", false],
  ["", "interface:wan", "br-lan", true],
  ["", "interface:wan", "", false],
  ["", "interface:away", "br-lan", false],
  ["", "ALL EXCEPT interface:br-lan", "br-lan", true],
  ["", "ALL EXCEPT interface:away", "br-lan", false],
  ["interface:br-lan", "interface:away", "br-lan", true],
])("hosts allow = '%s', hosts deny = '%s' over '%s': %p", (allow, deny, arrival, allowed) => {
  expect(isPeerAllowed(rule(allow, deny), { address: "10.0.0.7", arrival }, LINKS)).toBe(allowed);
});

test("an interface that is not known does not keep the machine itself out", () => {
  const peer = { address: "127.0.0.1", arrival: "lo" };
  expect(isPeerAllowed(rule("", "interface:away"), peer, LINKS)).toBe(true);
  expect(isPeerAllowed(rule("", "interface:lo"), peer, LINKS)).toBe(false);
});
