// Dropping a capability, in a separate process because it cannot be regained.
import { expect, test } from "bun:test";
import { join } from "node:path";

const source = join(import.meta.dir, "../../src/linux/capabilities.ts");

test.skipIf(process.getuid?.() !== 0)(
  "a dropped capability is gone, in children too; the others remain",
  () => {
    const script = `
    import { CapabilityNumber, dropCapability, hasCapability } from ${JSON.stringify(source)};
    const before = hasCapability(CapabilityNumber.SYS_RESOURCE);
    const result = dropCapability(CapabilityNumber.SYS_RESOURCE);
    const kernel = Bun.spawnSync(["sh", "-c", "grep CapEff /proc/self/status"]).stdout.toString();
    console.log(JSON.stringify({ before, result, after: hasCapability(CapabilityNumber.SYS_RESOURCE), kernel }));
  `;
    const child = Bun.spawnSync([process.execPath, "-e", script]);
    const said = JSON.parse(child.stdout.toString());
    expect(said).toMatchObject({ result: 0, after: false });
    const effective = BigInt(`0x${said.kernel.split(":")[1].trim()}`);
    expect(effective & (1n << 24n)).toBe(0n);
    // CAP_DAC_OVERRIDE and CAP_SETUID, which the server needs.
    expect(effective & 0x82n).toBe(0x82n);
  },
);
