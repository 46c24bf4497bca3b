// Chooses the provider at start: native for every primitive that answers as pure does, pure for the rest.
// `crypto provider = auto | native | pure`.

import { nativeProvider } from "./native.ts";
import type { Aead, Mac, Provider } from "./provider.ts";
import { pureProvider } from "./pure.ts";

export type ProviderWish = "auto" | "native" | "pure";

export interface SelectedProvider extends Provider {
  /** Names of the primitives that `auto` had to take from pure; empty for the other wishes. */
  readonly fallbacks: readonly string[];
}

type Primitive = Exclude<keyof Provider, "name">;

const DATA = Uint8Array.from({ length: 75 }, (_, i) => i * 7 + 3);
const KEY_16 = DATA.subarray(20, 36);
const KEY_32 = DATA.subarray(20, 52);

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The codes of three messages, so that an object that keeps state between them shows it. */
function probeMac(mac: Mac): Uint8Array {
  const codes = new Uint8Array(48);
  const nonce = DATA.subarray(0, 12);
  mac.compute(DATA, 1, 75, nonce, codes, 0);
  mac.compute(DATA, 0, 64, nonce, codes, 16);
  mac.compute(DATA, 5, 5, nonce, codes, 32);
  return codes;
}

/** Two messages sealed, and one byte each for a tag accepted and one refused. */
function probeAead(aead: Aead): Uint8Array {
  const nonce = DATA.subarray(0, aead.nonceLength);
  const aad = DATA.subarray(0, 32);
  const result = new Uint8Array(DATA.length * 2 + 32 + 2);
  for (const [round, length] of [75, 32].entries()) {
    const sealed = DATA.slice();
    const tag = new Uint8Array(16);
    aead.seal(nonce, aad, sealed, 0, length, tag);
    result.set(sealed, round * DATA.length);
    result.set(tag, DATA.length * 2 + round * 16);
    const opened = sealed.slice();
    const accepts = aead.open(nonce, aad, opened, 0, length, tag) && bytesEqual(opened, DATA);
    tag[15] = (tag[15] ?? 0) ^ 1;
    const refuses = !aead.open(nonce, aad, sealed, 0, length, tag);
    result[result.length - 2 + round] = accepts && refuses ? 1 : 0;
  }
  return result;
}

function probeStream(provider: Provider): Uint8Array {
  const stream = provider.rc4(KEY_16);
  const out = new Uint8Array(75);
  out.set(stream.update(DATA.subarray(0, 9)));
  out.set(stream.update(DATA.subarray(9)), 9);
  return out;
}

const PROBES: Record<Primitive, (provider: Provider) => readonly Uint8Array[]> = {
  md4: (p) => [p.md4(DATA)],
  md5: (p) => [p.md5(DATA)],
  hmacMd5: (p) => [p.hmacMd5(KEY_16, DATA)],
  rc4: (p) => [probeStream(p)],
  sha256: (p) => [p.sha256(DATA)],
  sha512: (p) => [p.sha512(KEY_16, DATA)],
  hmacSha256: (p) => [p.hmacSha256(KEY_16, DATA)],
  hmacSha256Mac: (p) => [probeMac(p.hmacSha256Mac(KEY_16))],
  aesCmac: (p) => [probeMac(p.aesCmac(KEY_16))],
  aesGmac: (p) => [probeMac(p.aesGmac(KEY_16))],
  aesCcm: (p) => [probeAead(p.aesCcm(KEY_16)), probeAead(p.aesCcm(KEY_32))],
  aesGcm: (p) => [probeAead(p.aesGcm(KEY_16)), probeAead(p.aesGcm(KEY_32))],
};

/** True when `candidate` answers one primitive with the bytes `reference` answers, and does not throw. */
function answersAlike(primitive: Primitive, candidate: Provider, reference: Provider): boolean {
  try {
    const probe = PROBES[primitive];
    const answers = probe(candidate);
    return probe(reference).every((expected, i) => bytesEqual(expected, answers[i] ?? DATA));
  } catch {
    return false;
  }
}

/**
 * Takes each primitive from `candidate` if it answers as `reference` does, else from `reference`. Exported for the
 * test, which hands in a faulty candidate.
 */
export function composeProviders(candidate: Provider, reference: Provider): SelectedProvider {
  const fallbacks: Primitive[] = [];
  const take = <Name extends Primitive>(name: Name): Provider[Name] => {
    if (answersAlike(name, candidate, reference)) return candidate[name];
    fallbacks.push(name);
    return reference[name];
  };
  return {
    name: candidate.name,
    md4: take("md4"),
    md5: take("md5"),
    hmacMd5: take("hmacMd5"),
    rc4: take("rc4"),
    sha256: take("sha256"),
    sha512: take("sha512"),
    hmacSha256: take("hmacSha256"),
    hmacSha256Mac: take("hmacSha256Mac"),
    aesCmac: take("aesCmac"),
    aesGmac: take("aesGmac"),
    aesCcm: take("aesCcm"),
    aesGcm: take("aesGcm"),
    fallbacks,
  };
}

/** The provider for a configured wish. `auto` tests every native primitive first, a few milliseconds. */
export function selectProvider(wish: ProviderWish): SelectedProvider {
  if (wish === "pure") return { ...pureProvider, fallbacks: [] };
  if (wish === "native") return { ...nativeProvider, fallbacks: [] };
  return composeProviders(nativeProvider, pureProvider);
}
