// The usual order of signing algorithms on processors with and without AES instructions, and lists that
// override it.
import { expect, test } from "bun:test";
import { hasAesInstructions } from "../../../src/linux/processor.ts";
import { buildConfiguration } from "../../../src/manager/config/load.ts";
import { parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";

const { AES_CMAC, AES_GMAC, HMAC_SHA256 } = SigningAlgorithm;
const PI_5 = "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics\n";
const PI_4 = "Features\t: fp asimd evtstrm crc32 cpuid\n";

function signingOn(cpuinfo: string, globals = ""): readonly number[] {
  const machine = {
    hostName: "box",
    identity: "0".repeat(32),
    memoryBytes: 2 ** 30,
    hasAesInstructions: hasAesInstructions(() => cpuinfo),
    interfaces: [],
  };
  const sections = parseConfig(`[global]\n${globals}\n`, "f");
  return buildConfiguration(sections, machine, new Report()).settings.signingAlgorithms;
}

test("HMAC-SHA256 comes before AES-128-CMAC on a processor without AES instructions only", () => {
  expect(signingOn(PI_5)).toEqual([AES_GMAC, AES_CMAC, HMAC_SHA256]);
  expect(signingOn(PI_4)).toEqual([AES_GMAC, HMAC_SHA256, AES_CMAC]);
});

test("the pure provider has one order for all processors", () => {
  expect(signingOn(PI_4, "crypto provider = pure")).toEqual([AES_GMAC, AES_CMAC, HMAC_SHA256]);
});

test("a configured list is kept on a processor without AES instructions, `-NAME` changes its usual one", () => {
  const parameter = "server smb3 signing algorithms";
  expect(signingOn(PI_4, `${parameter} = AES-128-CMAC HMAC-SHA256`)).toEqual([AES_CMAC, HMAC_SHA256]);
  expect(signingOn(PI_4, `${parameter} = -AES-128-GMAC`)).toEqual([HMAC_SHA256, AES_CMAC]);
});
