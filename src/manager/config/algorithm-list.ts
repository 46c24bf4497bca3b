// `server smb3 encryption algorithms` and `server smb3 signing algorithms`; smb.conf(5).
import { CIPHERS, SIGNING_ALGORITHMS } from "../../wire/features.ts";
import { Cipher, SigningAlgorithm } from "../../wire/context/negotiate-context.ts";
import { ConfigError } from "./parse.ts";
import type { SectionValues } from "./section-values.ts";

const CIPHER_NAMES: Readonly<Record<string, number>> = {
  "AES-128-GCM": Cipher.AES_128_GCM,
  "AES-128-CCM": Cipher.AES_128_CCM,
  "AES-256-GCM": Cipher.AES_256_GCM,
  "AES-256-CCM": Cipher.AES_256_CCM,
};

const SIGNING_NAMES: Readonly<Record<string, number>> = {
  "AES-128-GMAC": SigningAlgorithm.AES_GMAC,
  "AES-128-CMAC": SigningAlgorithm.AES_CMAC,
  "HMAC-SHA256": SigningAlgorithm.HMAC_SHA256,
};

/**
 * The usual order for processors without AES instructions: CMAC encrypts one block after the other, and
 * HMAC-SHA256 takes less time. CPU ms per MiB on an EPYC with AES; without AES; without AES and SHA:
 * GMAC 0.12; 2.3; 2.3. HMAC-SHA256 0.76; 0.76; 2.7. CMAC 1.2; 3.8; 3.8. A Cortex-A72 without both, under
 * qemu, has the same order.
 * The server chooses by a policy of its own: [MS-SMB2] 3.3.5.4.
 */
const SIGNING_WITHOUT_AES: readonly number[] = [
  SigningAlgorithm.AES_GMAC,
  SigningAlgorithm.HMAC_SHA256,
  SigningAlgorithm.AES_CMAC,
];

/** Most preferred first. Throws ConfigError for an unknown name, or where none is left. */
export function readCiphers(globals: SectionValues): readonly number[] {
  return readAlgorithms(globals, "server smb3 encryption algorithms", CIPHER_NAMES, CIPHERS);
}

export function readSigningAlgorithms(
  globals: SectionValues,
  hasAesInstructions: boolean,
): readonly number[] {
  // The pure provider uses no such instructions, and its CMAC takes 0.7 of the time of its HMAC.
  const isAesSlow = !hasAesInstructions && globals.choice("crypto provider") !== "pure";
  const usual = isAesSlow ? SIGNING_WITHOUT_AES : SIGNING_ALGORITHMS;
  return readAlgorithms(globals, "server smb3 signing algorithms", SIGNING_NAMES, usual);
}

/** `A, B` names them in order; `-A` takes one from the usual list, `+A` adds one at its end. */
function readAlgorithms(
  globals: SectionValues,
  parameter: "server smb3 encryption algorithms" | "server smb3 signing algorithms",
  names: Readonly<Record<string, number>>,
  usual: readonly number[],
): readonly number[] {
  const words = globals.list(parameter);
  if (words.length === 0) return usual;
  const changesUsual = words.every((word) => /^[+-]/.test(word));
  const chosen = new Set(changesUsual ? usual : []);
  for (const word of words) {
    const name = (changesUsual ? word.slice(1) : word).toUpperCase();
    const algorithm = names[name];
    if (algorithm === undefined)
      throw new ConfigError(
        globals.position(parameter),
        `'${word}' is not a value of '${parameter}', write some of ${Object.keys(names).join(", ")}`,
      );
    if (word.startsWith("-")) chosen.delete(algorithm);
    else chosen.add(algorithm);
  }
  if (chosen.size === 0)
    throw new ConfigError(globals.position(parameter), `'${parameter}' leaves none over`);
  return [...chosen];
}
