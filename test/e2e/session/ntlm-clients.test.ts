// NTLM as clients other than Windows and Samba send it; smbd 4.17 lets each of them in. [MS-NLMP] 2.2.1, 3.3.2.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { NtlmFlag } from "../../../src/wire/auth/ntlmssp.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { startVictim, tryLogOn } from "../client/attack-rig.ts";
import { NTLM_FLAGS } from "../client/raw-ntlm.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());

const OEM_FLAGS = ((NTLM_FLAGS & ~NtlmFlag.UNICODE) | NtlmFlag.OEM) >>> 0;
const PLAIN_FLAGS = (NTLM_FLAGS & ~NtlmFlag.KEY_EXCH) >>> 0;

/** Cuts EncryptedRandomSessionKey, NegotiateFlags, VERSION and MIC out of an AUTHENTICATE message. */
function toOldForm(message: Uint8Array): Uint8Array {
  const cut = 88 - 52;
  const old = new Uint8Array([...message.subarray(0, 52), ...message.subarray(88)]);
  const view = new DataView(old.buffer);
  for (let at = 12; at < 52; at += 8) view.setUint32(at + 4, view.getUint32(at + 4, true) - cut, true);
  return old;
}

/** Clears flags of an AUTHENTICATE message. */
function withoutFlags(flags: number): (message: Uint8Array) => Uint8Array {
  return (message) => {
    const view = new DataView(message.buffer, message.byteOffset);
    view.setUint32(60, view.getUint32(60, true) & ~flags, true);
    return message;
  };
}

// v9u-smb2 (npm) negotiates OEM.
test("a client without Unicode logs on", async () => {
  expect(await tryLogOn(server, { ...TESTER, flags: OEM_FLAGS })).toBe(Status.SUCCESS);
  expect(await tryLogOn(server, { ...TESTER, flags: OEM_FLAGS, password: "wrong" })).toBe(
    Status.LOGON_FAILURE,
  );
});

// smbj's anonymous AUTHENTICATE names no character set.
test("an AUTHENTICATE message without a character set has the negotiated one", async () => {
  const anonymous = { user: "", password: "", isAnonymous: true };
  const changeMessage = withoutFlags(NtlmFlag.UNICODE);
  expect(await tryLogOn(server, { ...anonymous, changeMessage })).toBe(Status.SUCCESS);
});

test("an AUTHENTICATE message of the old form without key and flags logs on", async () => {
  const old = { flags: PLAIN_FLAGS, isRaw: true, withoutMic: true, changeMessage: toOldForm };
  expect(await tryLogOn(server, { ...TESTER, ...old })).toBe(Status.SUCCESS);
  expect(await tryLogOn(server, { ...TESTER, ...old, password: "wrong" })).toBe(Status.LOGON_FAILURE);
});

test("a response made with an empty domain is accepted beside a named one", async () => {
  expect(await tryLogOn(server, { ...TESTER, domain: "SOMEWHERE", hashedDomain: "" })).toBe(Status.SUCCESS);
  expect(await tryLogOn(server, { ...TESTER, domain: "SOMEWHERE", hashedDomain: "OTHER" })).toBe(
    Status.LOGON_FAILURE,
  );
});
