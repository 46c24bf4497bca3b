// Selects the provider at start, by `crypto provider = auto | native | pure`. `auto` takes the native
// implementation of every primitive that passes its self-test, and the pure one of the rest.

import { nativeProvider } from "./native.ts";
import type { Provider } from "./provider.ts";
import { type Primitive, passesSelfTest } from "./self-test.ts";

export type ProviderWish = "auto" | "native" | "pure";

export interface SelectedProvider extends Provider {
  /** Primitives that `auto` took from the pure provider; empty with `native` and `pure`. */
  readonly fallbacks: readonly string[];
}

/** Loaded on first use only: noble's hashes and the tables of AES need 2 MiB of memory. */
function loadPureProvider(): Provider {
  const module: typeof import("./pure.ts") = require("./pure.ts");
  return module.pureProvider;
}

/**
 * Takes each primitive from `candidate` if it passes its self-test, else from the provider of `loadSpare`.
 */
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

/** The provider for a configured value. The self-tests of `auto` take a millisecond or two. */
export function selectProvider(wish: ProviderWish): SelectedProvider {
  if (wish === "pure") return { ...loadPureProvider(), fallbacks: [] };
  if (wish === "native") return { ...nativeProvider, fallbacks: [] };
  return composeProviders(nativeProvider, loadPureProvider);
}
