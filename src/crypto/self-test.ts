// Known-answer tests of a provider's primitives, run at start.
// The vectors are published ones: a comparison with the pure provider would load it (2 MiB of memory).
// RFC 1320, 1321, 2202, 4231, 4493, 6229; FIPS 180-4; NIST CAVP gcmtestvectors and ccmtestvectors.

import { TAG_LENGTH } from "./aes-key.ts";
import type { Aead, Mac, Provider } from "./provider.ts";

export type Primitive = Exclude<keyof Provider, "name">;

interface AeadAnswer {
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plain: string;
  readonly sealed: string;
  readonly tag: string;
}

interface MacAnswer {
  readonly nonce?: string;
  readonly message: string;
  readonly code: string;
}

const ABC = "616263";
const JEFE = "4a656665";
const WHAT_DO_YA_WANT = "7768617420646f2079612077616e7420666f72206e6f7468696e673f";
const HMAC_SHA256_OF_JEFE = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

// RFC 4493 section 4: messages of 0, 1, 2.5 and 4 blocks.
const CMAC_KEY = "2b7e151628aed2a6abf7158809cf4f3c";
const CMAC_MESSAGE =
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
const CMAC_ANSWERS: readonly MacAnswer[] = [
  { message: "", code: "bb1d6929e95937287fa37d129b756746" },
  { message: CMAC_MESSAGE.slice(0, 32), code: "070a16b46b4d4144f79bdd9dd04a287c" },
  { message: CMAC_MESSAGE.slice(0, 80), code: "dfa66747de9ae63030ca32611497c827" },
  { message: CMAC_MESSAGE, code: "51f0bebf7e3b9d92fc49741779363cfe" },
];

// NIST gcmEncryptExtIV128, PTlen = 0, AADlen = 384.
const GMAC_KEY = "99e3e8793e686e571d8285c564f75e2b";
const GMAC_ANSWERS: readonly MacAnswer[] = [
  {
    nonce: "c2dd0ab868da6aa8ad9c0d23",
    message:
      "b668e42d4e444ca8b23cfdd95a9fedd5178aa521144890b0" + "93733cf5cf22526c5917ee476541809ac6867a8c399309fc",
    code: "3f4fba100eaf1f34b0baadaae9995d85",
  },
];

// NIST gcmEncryptExtIV128 and gcmEncryptExtIV256, PTlen = 408, AADlen = 384.
const GCM_ANSWERS: readonly AeadAnswer[] = [
  {
    key: "3c50622868f450aa0928990c15e1eb36",
    nonce: "811d5290768d57e7d87bb6c7",
    aad:
      "dae2c7e0a3d3fd2bc04eca19b15178a003b5cf84890c28c2" + "a615f20f8adb427f70698c12b2ef87780c1193fbb8cd1674",
    plain:
      "edd0a8f82833e919740fe2bf9edecf4ac86c72dc89490cef7b" +
      "6983aaaf99fc856c5cc87d63f98a7c861bf3271fea6da86a15ab",
    sealed:
      "a51425b0608d3b4b46d4ec05ca1ddaf02bdd2089ae0554ecfb" +
      "2a1c84c63d82dc71ddb9ab1b1f0b49de2ad27c2b5173e7000aa6",
    tag: "bd9b5efca48008cd973a4f7d2c723844",
  },
  {
    key: "463b412911767d57a0b33969e674ffe7845d313b88c6fe312f3d724be68e1fca",
    nonce: "611ce6f9a6880750de7da6cb",
    aad:
      "0a682fbc6192e1b47a5e0868787ffdafe5a50cead3575849" + "990cdd2ea9b3597749403efb4a56684f0c6bde352d4aeec5",
    plain:
      "e7d1dcf668e2876861940e012fe52a98dacbd78ab63c08842c" +
      "c9801ea581682ad54af0c34d0d7f6f59e8ee0bf4900e0fd85042",
    sealed:
      "8886e196010cb3849d9c1a182abe1eeab0a5f3ca423c3669a4" +
      "a8703c0f146e8e956fb122e0d721b869d2b6fcd4216d7d4d3758",
    tag: "2469cecd70fd98fec9264f71df1aee9a",
  },
];

// NIST VNT128 and VNT256, Nlen = 11, Tlen = 16.
const CCM_ANSWERS: readonly AeadAnswer[] = [
  {
    key: "e6ab9e70a4fb51b01c2e262233e64c0d",
    nonce: "74e689eb5af9441dd690a6",
    aad: "42f6518ee0fbe42f28e13b4bb2eb60517b37c9744394d9143393a879c3e107c7",
    plain: "ba15916733550d7aa82b2f6b117cd3f54c83ddc16cd0288a",
    sealed: "dcc151443288f35d39ed8fae6f0ce1d1eb656f4f7fd65c0b",
    tag: "16f322ce85d7c54e71ac560fd4da9651",
  },
  {
    key: "97bc7482a87ba005475dfa3448f59d4b3f9c4c969d08b39b1b21ef965c0f5125",
    nonce: "0bcf78103ec52d6df28887",
    aad: "049c10f0cb37ae08eae2d0766563b7c5a8454f841c2061a4f71a0a2158ae6ce5",
    plain: "b99bf4dc781795fc4d3a8467b06e1665d4e543657f23129f",
    sealed: "0d3891fa0caac1f7ebe41b480920ffd34d4155064c24f3b1",
    tag: "7a483163dd8f228d1f20cd4f86cf38fd",
  },
];

function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

function is(bytes: Uint8Array, hex: string): boolean {
  const expected = fromHex(hex);
  if (bytes.length !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[i] !== expected[i]) return false;
  return true;
}

/** Computes every MAC twice with one object, to detect a result that depends on the previous message. */
function macAnswers(mac: Mac, answers: readonly MacAnswer[]): boolean {
  const out = new Uint8Array(TAG_LENGTH);
  for (let round = 0; round < 2; round++) {
    for (const { message, nonce, code } of answers) {
      const bytes = fromHex(message);
      mac.compute(bytes, 0, bytes.length, nonce === undefined ? undefined : fromHex(nonce), out, 0);
      if (!is(out, code)) return false;
    }
  }
  return true;
}

/** Seals, opens, and expects a refusal when one bit of the tag is flipped; twice with one object. */
function aeadAnswers(create: (key: Uint8Array) => Aead, answers: readonly AeadAnswer[]): boolean {
  for (const { key, nonce, aad, plain, sealed, tag } of answers) {
    const aead = create(fromHex(key));
    const iv = fromHex(nonce);
    const extra = fromHex(aad);
    const code = new Uint8Array(TAG_LENGTH);
    for (let round = 0; round < 2; round++) {
      const bytes = fromHex(plain);
      aead.seal(iv, extra, bytes, 0, bytes.length, code);
      if (!is(bytes, sealed) || !is(code, tag)) return false;
      if (!aead.open(iv, extra, bytes, 0, bytes.length, code) || !is(bytes, plain)) return false;
      code[15] = (code[15] ?? 0) ^ 1;
      const forged = fromHex(sealed);
      if (aead.open(iv, extra, forged, 0, forged.length, code)) return false;
    }
  }
  return true;
}

/** RFC 6229: the first 32 bytes of the stream for a 128-bit key, in two pieces. */
function rc4Answers(provider: Provider): boolean {
  const stream = provider.rc4(fromHex("0102030405060708090a0b0c0d0e0f10"));
  return (
    is(stream.update(new Uint8Array(7)), "9ac7cc9a609d1e") &&
    is(stream.update(new Uint8Array(25)), "f7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c")
  );
}

const JUDGES: Record<Primitive, (provider: Provider) => boolean> = {
  md4: (p) => is(p.md4(fromHex(ABC)), "a448017aaf21d8525fc10ae87aa6729d"),
  md5: (p) => is(p.md5(fromHex(ABC)), "900150983cd24fb0d6963f7d28e17f72"),
  hmacMd5: (p) => is(p.hmacMd5(fromHex(JEFE), fromHex(WHAT_DO_YA_WANT)), "750c783e6ab0b503eaa86e310a5db738"),
  rc4: rc4Answers,
  sha256: (p) =>
    is(p.sha256(fromHex(ABC)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  sha512: (p) =>
    is(
      p.sha512(fromHex("61"), fromHex("6263")),
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
  hmacSha256: (p) => is(p.hmacSha256(fromHex(JEFE), fromHex(WHAT_DO_YA_WANT)), HMAC_SHA256_OF_JEFE),
  hmacSha256Mac: (p) =>
    macAnswers(p.hmacSha256Mac(fromHex(JEFE)), [
      { message: WHAT_DO_YA_WANT, code: HMAC_SHA256_OF_JEFE.slice(0, 32) },
    ]),
  aesCmac: (p) => macAnswers(p.aesCmac(fromHex(CMAC_KEY)), CMAC_ANSWERS),
  aesGmac: (p) => macAnswers(p.aesGmac(fromHex(GMAC_KEY)), GMAC_ANSWERS),
  aesCcm: (p) => aeadAnswers((key) => p.aesCcm(key), CCM_ANSWERS),
  aesGcm: (p) => aeadAnswers((key) => p.aesGcm(key), GCM_ANSWERS),
};

/** Whether the provider returns the published results for one primitive; false when it throws. */
export function passesSelfTest(provider: Provider, primitive: Primitive): boolean {
  try {
    return JUDGES[primitive](provider);
  } catch {
    return false;
  }
}
