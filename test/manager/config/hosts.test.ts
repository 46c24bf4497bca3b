import { expect, test } from "bun:test";
import { isHostAllowed, parseAddress, parseHostRule } from "../../../src/manager/config/hosts.ts";
import { ConfigError } from "../../../src/manager/config/parse.ts";

function rule(allow: string, deny = "") {
  const words = (text: string) => text.split(" ").filter((word) => word !== "");
  return parseHostRule({ words: words(allow), position: "f:1" }, { words: words(deny), position: "f:2" });
}

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
