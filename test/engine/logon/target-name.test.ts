// The name by which an NTLM client calls the server, at each level of `server spn validation`.
import { describe, expect, test } from "bun:test";
import { type TargetNameRule, whyForeign } from "../../../src/engine/logon/target-name.ts";
import { AvId, encodeUtf16 } from "../../../src/wire/auth/ntlmssp.ts";

const OWN = ["nas", "192.168.1.5", "fe80::1", "fe80::1%3"];
const isOwn = (host: string) => OWN.includes(host);

function judge(name: string | undefined, level: TargetNameRule["level"], flags = 0, forRpc = false) {
  const pairs = [
    ...(name === undefined ? [] : [{ id: AvId.TARGET_NAME, value: encodeUtf16(name) }]),
    { id: AvId.FLAGS, value: Uint8Array.of(flags, 0, 0, 0) },
  ];
  return whyForeign(pairs, { level, isOwn }, forRpc) === undefined ? "ours" : "foreign";
}

describe.each(["provided", "required"] as const)("with %s", (level) => {
  test.each([
    ...["cifs/nas", "CIFS/NAS", "cifs/nas.", "cifs/nas:445", "host/nas", "cifs/nas/nas@HOME"],
    ...["cifs/192.168.1.5", "cifs/192.168.1.5:445", "cifs/fe80::1", "cifs/[fe80::1]:445"],
    ...["cifs/fe80--1.ipv6-literal.net", "cifs/fe80--1s3.ipv6-literal.net"],
  ])("%s is the server", (name) => expect(judge(name, level)).toBe("ours"));

  test.each(["cifs/evil", "cifs/nas.evil", "HTTP/nas", "nas", "cifs/", "cifs/192.168.1.6", "/nas"])(
    "%s is another server",
    (name) => expect(judge(name, level)).toBe("foreign"),
  );

  test("a bind of RPC may name any service of the server", () => {
    expect(judge("RPCSS/nas", level, 0, true)).toBe("ours");
    expect(judge("RPCSS/evil", level, 0, true)).toBe("foreign");
  });
});

test.each([undefined, ""])("the name %p passes where none is required", (name) => {
  expect(judge(name, "off")).toBe("ours");
  expect(judge(name, "provided")).toBe("ours");
  expect(judge(name, "required")).toBe("foreign");
});

test("a name that the client itself does not trust is none where one is required", () => {
  expect(judge("cifs/nas", "required", 4)).toBe("foreign");
  expect(judge("cifs/nas", "provided", 4)).toBe("ours");
  expect(judge("cifs/evil", "provided", 4)).toBe("foreign");
});

test("nothing is looked at where it is off", () => expect(judge("cifs/evil", "off")).toBe("ours"));
