// Chooses the provider at start: native for every primitive that passes its self-test, pure for the rest.
// `crypto provider = auto | native | pure`.

import { nativeProvider } from "./native.ts";
import type { Provider } from "./provider.ts";
import { type Primitive, passesSelfTest } from "./self-test.ts";

export type ProviderWish = "auto" | "native" | "pure";

export interface SelectedProvider extends Provider {
  /** Names of the primitives that `auto` had to take from pure; empty for the other wishes. */
  readonly fallbacks: readonly string[];
}

/** Loaded when first wanted: noble's AES tables cost more memory than the rest of a small server's crypto. */
function loadPureProvider(): Provider {
  const module: typeof import("./pure.ts") = require("./pure.ts");
  return module.pureProvider;
}

/** Takes each primitive from `candidate` if it passes its self-test, else from what `loadSpare` gives. */
export function composeProviders(candidate: Provider, loadSpare: () => Provider): SelectedProvider {
  const fallbacks: Primitive[] = [];
  const take = <Name extends Primitive>(name: Name): Provider[Name] => {
    if (passesSelfTest(candidate, name)) return candidate[name];
    fallbacks.push(name);
    return loadSpare()[name];
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

/** The provider for a configured wish. `auto` tests every native primitive first, in a millisecond or two. */
export function selectProvider(wish: ProviderWish): SelectedProvider {
  if (wish === "pure") return { ...loadPureProvider(), fallbacks: [] };
  if (wish === "native") return { ...nativeProvider, fallbacks: [] };
  return composeProviders(nativeProvider, loadPureProvider);
}
