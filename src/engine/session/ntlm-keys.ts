// What NTLMv2 derives from a password hash and from the exported session key.
// [MS-NLMP] 3.3.2 (NTOWFv2), 3.4.4.2 (signature), 3.4.5.2 (SIGNKEY), 3.4.5.3 (SEALKEY), 3.2.5.1.2 (MIC).
import type { Provider } from "../../crypto/provider.ts";
import { encodeUtf16, NtlmFlag } from "../../wire/ntlmssp.ts";

type Side = "client" | "server";

/** The key that NTLMv2 answers a challenge with; `domain` is as the client sent it. */
export function ntowfV2(provider: Provider, ntHash: Uint8Array, user: string, domain: string): Uint8Array {
  return provider.hmacMd5(ntHash, encodeUtf16(upperCase(user) + domain));
}

// One code unit for one: a name must not grow, as German sharp s would.
function upperCase(text: string): string {
  let out = "";
  for (const unit of text) {
    const upper = unit.toUpperCase();
    out += upper.length === unit.length ? upper : unit;
  }
  return out;
}

export function ntlmAuthenticateMic(
  provider: Provider,
  sessionKey: Uint8Array,
  ...messages: readonly Uint8Array[]
): Uint8Array {
  return provider.hmacMd5(sessionKey, join(...messages));
}

export function ntlmSignKey(provider: Provider, sessionKey: Uint8Array, side: Side): Uint8Array {
  return provider.md5(join(sessionKey, magic(side, "signing")));
}

/** `flags` say how much of the session key goes in: 128, 56 or 40 bits. */
export function ntlmSealKey(
  provider: Provider,
  sessionKey: Uint8Array,
  flags: number,
  side: Side,
): Uint8Array {
  const length = flags & NtlmFlag.KEY_128 ? 16 : flags & NtlmFlag.KEY_56 ? 7 : 5;
  return provider.md5(join(sessionKey.subarray(0, length), magic(side, "sealing")));
}

/** 16 bytes: version 1, checksum (under RC4 where a seal key is given), sequence number. */
export function ntlmMessageSignature(
  provider: Provider,
  signKey: Uint8Array,
  sealKey: Uint8Array | undefined,
  sequence: number,
  message: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  view.setUint32(0, 1, true);
  view.setUint32(12, sequence, true);
  const checksum = provider.hmacMd5(signKey, join(out.subarray(12), message)).subarray(0, 8);
  out.set(sealKey ? provider.rc4(sealKey).update(checksum) : checksum, 4);
  return out;
}

function magic(side: Side, use: "signing" | "sealing"): Uint8Array {
  const [from, to] = side === "client" ? ["client", "server"] : ["server", "client"];
  return new TextEncoder().encode(`session key to ${from}-to-${to} ${use} key magic constant\0`);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
