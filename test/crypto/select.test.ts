// `auto` takes native where it answers rightly, and says what it did not take.

import { expect, test } from "bun:test";
import { nativeProvider } from "../../src/crypto/native.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import type { Aead, Provider } from "../../src/crypto/provider.ts";
import { composeProviders, selectProvider } from "../../src/crypto/select.ts";
import { passesSelfTest, type Primitive } from "../../src/crypto/self-test.ts";

test("this runtime's native primitives all pass", () => {
  const selected = selectProvider("auto");
  expect(selected.fallbacks).toEqual([]);
  expect(selected.name).toBe("native");
  expect(selected.aesCcm).toBe(nativeProvider.aesCcm);
});

test("the pure provider passes every self-test, so what falls back is sound", () => {
  const names = Object.keys(pureProvider).filter((name): name is Primitive => name !== "name");
  expect(names).toHaveLength(12);
  for (const name of names)
    expect({ name, passes: passesSelfTest(pureProvider, name) }).toEqual({ name, passes: true });
});

test("the pure provider is not loaded where native passes", () => {
  const selected = composeProviders(nativeProvider, () => {
    throw new Error("loaded");
  });
  expect(selected.fallbacks).toEqual([]);
});

test("a wish for one provider is kept", () => {
  expect(selectProvider("pure").aesGcm).toBe(pureProvider.aesGcm);
  expect(selectProvider("pure").name).toBe("pure");
  expect(selectProvider("native").aesGcm).toBe(nativeProvider.aesGcm);
});

test("a primitive that throws or answers wrongly falls back alone", () => {
  const faulty: Provider = {
    ...nativeProvider,
    md4: () => {
      throw new Error("digest not supported");
    },
    sha256: (data) => nativeProvider.md5(data),
    aesCmac: (key) => {
      const mac = nativeProvider.aesCmac(key);
      return {
        // Right for one block count only: a code that depends on the length must still be caught.
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
