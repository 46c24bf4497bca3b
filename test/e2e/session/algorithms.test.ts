// `server smb3 encryption algorithms` and `server smb3 signing algorithms`: what the server answers to NEGOTIATE.
import { afterEach, expect, test } from "bun:test";
import { hasAesInstructions } from "../../../src/linux/processor.ts";
import { Cipher, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Capability, Dialect } from "../../../src/wire/command/negotiate.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { reload, startWith } from "../client/reload-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import { mountShare } from "../client/raw-files.ts";
import type { NegotiateOptions } from "../client/raw-calls.ts";

const ENCRYPTION = "server smb3 encryption algorithms";
const SIGNING = "server smb3 signing algorithms";
const { AES_128_CCM, AES_128_GCM, AES_256_CCM, AES_256_GCM } = Cipher;
const { HMAC_SHA256, AES_CMAC, AES_GMAC } = SigningAlgorithm;

let server: TestServer;
afterEach(() => server.stop());

const start = async (globals: Readonly<Record<string, string>>): Promise<void> => {
  server = await startWith({ globals, shares: { test: { "read only": "no" } } });
};

async function negotiate(
  options: NegotiateOptions,
): Promise<{ cipher?: number; signing?: number; encrypts: boolean }> {
  const client = await RawClient.connect(server);
  const { contexts, capabilities } = await client.negotiate(options);
  client.close();
  const cipher = contexts.find(({ kind }) => kind === "encryption");
  const signing = contexts.find(({ kind }) => kind === "signing");
  return {
    ...(cipher?.kind === "encryption" && { cipher: cipher.ciphers[0] ?? -1 }),
    ...(signing?.kind === "signing" && { signing: signing.algorithms[0] ?? -1 }),
    encrypts: (capabilities & Capability.ENCRYPTION) !== 0,
  };
}

const ciphers = [AES_256_CCM, AES_128_CCM, AES_256_GCM, AES_128_GCM];

test("the first cipher of the list that the client has is taken, and no other", async () => {
  await start({ [ENCRYPTION]: "AES-256-GCM, AES-256-CCM" });
  expect(await negotiate({ ciphers })).toMatchObject({ cipher: AES_256_GCM });
  expect(await negotiate({ ciphers: [AES_128_GCM, AES_256_CCM] })).toMatchObject({ cipher: AES_256_CCM });
  expect(await negotiate({ ciphers: [AES_128_GCM, AES_128_CCM] })).toMatchObject({ cipher: 0 });
  // SMB 3.0 has AES-128-CCM alone.
  expect(await negotiate({ dialects: [Dialect.SMB_3_0_2] })).toMatchObject({ encrypts: false });
});

test("by default GCM is taken before CCM, also with the longer key", async () => {
  await start({});
  expect(await negotiate({ ciphers })).toMatchObject({ cipher: AES_128_GCM });
  expect(await negotiate({ ciphers: [AES_128_CCM, AES_256_GCM] })).toMatchObject({ cipher: AES_256_GCM });
  expect(await negotiate({ ciphers: [AES_256_CCM, AES_128_CCM] })).toMatchObject({ cipher: AES_128_CCM });
});

test("by default GMAC is taken first, then CMAC if the processor has AES instructions, else HMAC", async () => {
  await start({});
  const second = hasAesInstructions() ? AES_CMAC : HMAC_SHA256;
  expect(await negotiate({ signing: [HMAC_SHA256, AES_CMAC, AES_GMAC] })).toMatchObject({
    signing: AES_GMAC,
  });
  expect(await negotiate({ signing: [HMAC_SHA256, AES_CMAC] })).toMatchObject({ signing: second });
  expect(await negotiate({ signing: [AES_CMAC, HMAC_SHA256] })).toMatchObject({ signing: second });
});

test("`-NAME` takes one from the usual ones", async () => {
  await start({ [ENCRYPTION]: "-AES-128-GCM -AES-256-GCM", [SIGNING]: "-AES-128-GMAC" });
  expect(await negotiate({ ciphers })).toMatchObject({ cipher: AES_128_CCM });
  expect(await negotiate({ signing: [AES_GMAC, AES_CMAC] })).toMatchObject({ signing: AES_CMAC });
  expect(await negotiate({ dialects: [Dialect.SMB_3_0_2] })).toMatchObject({ encrypts: true });
});

test("the first signing algorithm of the list that the client has is taken, and messages are signed by it", async () => {
  await start({ [SIGNING]: "HMAC-SHA256 AES-128-CMAC" });
  expect(await negotiate({ signing: [AES_GMAC, AES_CMAC, HMAC_SHA256] })).toMatchObject({
    signing: HMAC_SHA256,
  });
  const { client } = await mountShare(server, TESTER, "test", { signing: [AES_GMAC, HMAC_SHA256] });
  client.close();
});

test("a reload ends the connections whose cipher is no longer allowed", async () => {
  await start({});
  const { client } = await mountShare(server, TESTER, "test", {
    ciphers: [AES_128_GCM],
    protection: "sealed",
  });
  await reload(server, { globals: { [ENCRYPTION]: "AES-256-GCM" }, shares: { test: {} } });
  expect(await client.isClosedSoon()).toBe(true);
  expect(server.log()).toContain("its cipher is no longer allowed");
});
