import { expect, test } from "bun:test";
import { isOfLocalNetwork } from "../../../src/manager/setup/local-network.ts";

const NETWORKS = ["192.0.2.7/24", "2001:db8:1:2::7/64"];

test.each([
  ["127.0.0.1", true],
  ["::1", true],
  ["10.1.2.3", true],
  ["172.31.0.1", true],
  ["172.32.0.1", false],
  ["192.168.178.20", true],
  ["::ffff:192.168.1.5", true],
  ["169.254.7.7", true],
  ["fe80::1%eth0", true],
  ["fd00::5", true],
  ["192.0.2.200", true],
  ["192.0.3.1", false],
  ["2001:db8:1:2:3::9", true],
  ["2001:db8:1:3::9", false],
  ["8.8.8.8", false],
  ["2a00::1", false],
  ["", false],
  ["nonsense", false],
])("%s is of the local network: %p", (address, expected) => {
  expect(isOfLocalNetwork(address, NETWORKS)).toBe(expected);
});
