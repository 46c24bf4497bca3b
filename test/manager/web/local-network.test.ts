// The clients of the local network, who alone may set a new machine up.
import { expect, test } from "bun:test";
import { isLocalAddress } from "../../../src/manager/web/local-network.ts";

const OWN = ["127.0.0.1", "::1", "203.0.113.5", "2001:db8:1:2::5", "fe80::5%eth0"];

test.each([
  ...["127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.20", "169.254.7.7", "::1"],
  ...["fe80::1", "fe80::1%eth0", "fd00::1", "2001:db8:1:2:aaaa::9", "::ffff:192.168.1.20"],
])("%s is local", (address) => {
  expect(isLocalAddress(address, OWN)).toBe(true);
});

test.each([
  ...[
    "203.0.113.6",
    "8.8.8.8",
    "172.32.0.1",
    "192.169.0.1",
    "2001:db8:1:3::5",
    "2001:db8::1",
    "::ffff:8.8.8.8",
  ],
  ...["", "localhost", "192.168.1", "192.168.1.1.evil"],
])("%s is not", (address) => {
  expect(isLocalAddress(address, OWN)).toBe(false);
});
