// The memory that the runtime's ciphers allocate for their results is given back at once, not by the collector.
import { expect, test } from "bun:test";
import { join } from "node:path";

const CRYPTO = join(import.meta.dir, "../../src/crypto");

/** MiB of anonymous memory that `run`, called 1,000 times, adds to a process of its own. */
function measureGrowth(run: string): number {
  const script = `
    import { readFileSync } from "node:fs";
    import { nativeProvider } from ${JSON.stringify(join(CRYPTO, "native.ts"))};
    const key = new Uint8Array(16);
    const bytes = new Uint8Array(1 << 20);
    const [out, tag] = [new Uint8Array(16), new Uint8Array(16)];
    const mac = nativeProvider.aesCmac(key);
    const gcm = nativeProvider.aesGcm(key);
    const ccm = nativeProvider.aesCcm(key);
    const anonymous = () => Number(/RssAnon:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    const call = () => { ${run} };
    for (let i = 0; i < 5; i++) call();
    const before = anonymous();
    let most = 0;
    for (let i = 0; i < 1000; i++) { call(); most = Math.max(most, anonymous()); }
    console.log((most - before) / 1024);
  `;
  const child = Bun.spawnSync([process.execPath, "-e", script], { stderr: "inherit" });
  return Number.parseFloat(child.stdout.toString());
}

for (const [name, run] of [
  ["AES-CMAC", "mac.compute(bytes, 0, bytes.length, undefined, out, 0);"],
  ["AES-GCM", "gcm.seal(new Uint8Array(12), out, bytes, 0, bytes.length, tag);"],
  ["AES-CCM", "ccm.seal(new Uint8Array(11), out, bytes, 0, bytes.length, tag);"],
] as const)
  test(`${name} of 1,000 messages of 1 MiB adds less than 4 MiB of memory`, () => {
    const growth = measureGrowth(run);
    expect(growth).toBeNumber();
    expect(growth).toBeLessThan(4);
  });
