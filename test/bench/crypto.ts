// Prints MiB/s and ns per call of CPU time, garbage collection included, for each primitive of each provider at
// 128 B, 4 KiB and 1 MiB. OPENSSL_ia32cap='~0x200000200000000' hides the AES instructions of x86-64.
// Run: bun test/bench/crypto.ts [name part]

import { nativeProvider } from "../../src/crypto/native.ts";
import { pureProvider } from "../../src/crypto/pure.ts";
import type { Aead, Mac, Provider } from "../../src/crypto/provider.ts";

const SIZES = [128, 4096, 1024 * 1024] as const;
const ROUND_NS = 30e6;
const ROUNDS = 7;

const key16 = new Uint8Array(16).fill(7);
const key32 = new Uint8Array(32).fill(7);
const nonce11 = new Uint8Array(11);
const nonce12 = new Uint8Array(12);
const aad = new Uint8Array(32);
const tag = new Uint8Array(16);

type Job = (data: Uint8Array) => unknown;

function macJob(mac: Mac): Job {
  return (data) => mac.compute(data, 0, data.length, nonce12, tag, 0);
}

function sealJob(aead: Aead, nonce: Uint8Array): Job {
  return (data) => aead.seal(nonce, aad, data, 0, data.length, tag);
}

// Opening destroys the sealed message, so a job seals and opens, which counts as two calls.
function openJob(aead: Aead, nonce: Uint8Array): Job {
  return (data) => {
    aead.seal(nonce, aad, data, 0, data.length, tag);
    if (!aead.open(nonce, aad, data, 0, data.length, tag)) throw new Error("own message refused");
  };
}

function jobsOf(provider: Provider): readonly (readonly [string, Job, calls?: number])[] {
  const empty = new Uint8Array(0);
  const stream = provider.rc4(key16);
  return [
    ["md4", provider.md4],
    ["md5", provider.md5],
    ["hmac-md5", (data) => provider.hmacMd5(key16, data)],
    ["rc4", (data) => stream.update(data)],
    ["sha256", provider.sha256],
    ["sha512", (data) => provider.sha512(empty, data)],
    ["hmac-sha256", (data) => provider.hmacSha256(key16, data)],
    ["hmac-sha256 mac", macJob(provider.hmacSha256Mac(key16))],
    ["aes-128-cmac", macJob(provider.aesCmac(key16))],
    ["aes-128-gmac", macJob(provider.aesGmac(key16))],
    ["aes-128-ccm seal", sealJob(provider.aesCcm(key16), nonce11)],
    ["aes-128-ccm seal+open", openJob(provider.aesCcm(key16), nonce11), 2],
    ["aes-256-ccm seal", sealJob(provider.aesCcm(key32), nonce11)],
    ["aes-128-gcm seal", sealJob(provider.aesGcm(key16), nonce12)],
    ["aes-128-gcm seal+open", openJob(provider.aesGcm(key16), nonce12), 2],
    ["aes-256-gcm seal", sealJob(provider.aesGcm(key32), nonce12)],
  ];
}

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Returns nanoseconds per call in the quickest round: other programs on the machine only add to it. */
function timeNs(job: Job, data: Uint8Array): number {
  let calls = 1;
  let least = Infinity;
  for (let round = 0; round < ROUNDS;) {
    const start = cpuNs();
    for (let i = 0; i < calls; i++) job(data);
    const elapsed = cpuNs() - start;
    if (elapsed < ROUND_NS / 2) {
      // Too short to be measured; it warms up what is measured.
      calls = Math.max(calls * 2, Math.ceil((calls * ROUND_NS * 1.1) / Math.max(elapsed, 1000)));
      continue;
    }
    least = Math.min(least, elapsed / calls);
    round++;
  }
  return least;
}

const wanted = process.argv[2] ?? "";
console.log(`${"".padEnd(31)}${SIZES.map((size) => `${size} B`.padStart(22)).join("")}`);
for (const provider of [pureProvider, nativeProvider]) {
  for (const [name, job, calls = 1] of jobsOf(provider)) {
    if (!name.includes(wanted)) continue;
    const cells = SIZES.map((size) => {
      const ns = timeNs(job, new Uint8Array(size)) / calls;
      const rate = (size / ns / 1048576) * 1e9;
      return `${rate.toFixed(0).padStart(7)} MiB/s ${ns.toFixed(0).padStart(8)} ns`.replace(" ns", "");
    });
    console.log(
      `${provider.name.padEnd(8)}${name.padEnd(23)}${cells.map((cell) => cell.padStart(22)).join("")}`,
    );
  }
}
