// `auto` takes every native primitive that passes its self-test, and reports the others.

import { expect, test } from "bun:test";
import { nativeProvider } from "../../src/crypto/native.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import type { Aead, Provider } from "../../src/crypto/provider.ts";
import { composeProviders, selectProvider } from "../../src/crypto/select.ts";
import { passesSelfTest, type Primitive } from "../../src/crypto/self-test.ts";

test("all native primitives of this runtime pass their self-tests", () => {
  const selected = selectProvider("auto");
  expect(selected.fallbacks).toEqual([]);
  expect(selected.name).toBe("native");
  expect(selected.aesCcm).toBe(nativeProvider.aesCcm);
});

test("the pure provider passes every self-test", () => {
  const names = Object.keys(pureProvider).filter((name): name is Primitive => name !== "name");
  expect(names).toHaveLength(12);
  for (const name of names)
    expect({ name, passes: passesSelfTest(pureProvider, name) }).toEqual({ name, passes: true });
});

test("the pure provider is not loaded when all native primitives pass", () => {
  const selected = composeProviders(nativeProvider, () => {
    throw new Error("loaded");
  });
  expect(selected.fallbacks).toEqual([]);
});

test("`pure` and `native` select that provider", () => {
  expect(selectProvider("pure").aesGcm).toBe(pureProvider.aesGcm);
  expect(selectProvider("pure").name).toBe("pure");
  expect(selectProvider("native").aesGcm).toBe(nativeProvider.aesGcm);
});

test("only the primitives that throw or return wrong results fall back", () => {
  const faulty: Provider = {
    ...nativeProvider,
    md4: () => {
      throw new Error("digest not supported");
    },
    sha256: (data) => nativeProvider.md5(data),
    aesCmac: (key) => {
      const mac = nativeProvider.aesCmac(key);
      return {
        // Wrong for 64 bytes only: the self-test must detect an error at a single length.
        compute: (bytes, from, to, nonce, out, at) =>
          mac.compute(bytes, from, to === 64 ? to - 1 : to, nonce, out, at),
      };
    },
  };
  const selected = composeProviders(faulty, () => pureProvider);
  expect(selected.fallbacks).toEqual(["md4", "sha256", "aesCmac"]);
  expect(selected.md4).toBe(pureProvider.md4);
  expect(selected.aesCmac).toBe(pureProvider.aesCmac);
  expect(selected.hmacSha256).toBe(nativeProvider.hmacSha256);
});

test("an AEAD that accepts any tag falls back", () => {
  const trusting = (aead: Aead): Aead => ({
    nonceLength: aead.nonceLength,
    seal: (...rest) => aead.seal(...rest),
    open: (...rest) => {
      const held = rest[2].slice();
      if (!aead.open(...rest)) rest[2].set(held);
      return true;
    },
  });
  const faulty: Provider = { ...nativeProvider, aesGcm: (key) => trusting(nativeProvider.aesGcm(key)) };
  expect(composeProviders(faulty, () => pureProvider).fallbacks).toEqual(["aesGcm"]);
});
