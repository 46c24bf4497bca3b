// The cost of leases: CPU time of the server for pairs of CREATE and CLOSE with and without a lease, and with
// few and many open files. Run: bun test/bench/leases.ts (the environment variable MINISMBD names the
// executable).
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateResponse,
  OplockLevel,
} from "../../src/wire/command/create.ts";
import { leaseV2, mountLeasing, READ_WRITE_DATA, RWH } from "../e2e/client/lease-rig.ts";
import { closeCall, createCall, type Mount, openFile } from "../e2e/client/raw-files.ts";
import { startServer } from "../e2e/client/server.ts";
import { cpuSeconds } from "./processes.ts";

const DEPTH = 32;

/** Opens and closes `DEPTH` files or directories concurrently, `pairs` times in total. */
async function runPairs(
  mount: Mount,
  pairs: number,
  isLeased: boolean,
  kind: Partial<CreateRequest> = {},
): Promise<void> {
  let left = pairs;
  const worker = async (index: number): Promise<void> => {
    while (left-- > 0) {
      const options = isLeased
        ? { oplockLevel: OplockLevel.LEASE, contexts: { lease: leaseV2(index + 1, RWH) } }
        : {};
      await mount.client.awaitCredits(1);
      const reply = await mount.client.request({
        ...createCall(mount, `pair${kind.createOptions ?? 0}-${index}`, {
          desiredAccess: READ_WRITE_DATA,
          createDisposition: CreateDisposition.OPEN_IF,
          ...kind,
          ...options,
        }),
        room: 512,
      });
      const { fileId } = decodeCreateResponse(reply.message);
      await mount.client.awaitCredits(1);
      await mount.client.request({ ...closeCall(mount, fileId), room: 128 });
    }
  };
  await Promise.all(Array.from({ length: DEPTH }, (_, index) => worker(index)));
}

async function cost(pid: number, work: () => Promise<void>): Promise<number> {
  const before = cpuSeconds(pid);
  await work();
  return cpuSeconds(pid) - before;
}

const PAIRS = 6_000;
const KINDS: readonly (readonly [string, Partial<CreateRequest>])[] = [
  ["files", {}],
  ["directories", { createOptions: CreateOption.DIRECTORY_FILE, desiredAccess: 0x81 }],
];
const server = await startServer({ parameters: { "max open files": "30000", "log level": "warn" } });
try {
  const mount = await mountLeasing(server);
  for (const [what, kind] of KINDS) {
    await runPairs(mount, PAIRS, true, kind);
    let plain = 0;
    let leased = 0;
    for (let round = 0; round < 4; round++) {
      plain += await cost(server.pid, () => runPairs(mount, PAIRS, false, kind));
      leased += await cost(server.pid, () => runPairs(mount, PAIRS, true, kind));
    }
    const perPair = (seconds: number): string => `${((seconds / (4 * PAIRS)) * 1e6).toFixed(1)} us`;
    const ratio = (leased / plain).toFixed(2);
    console.log(`${what}: without a lease ${perPair(plain)}, with one ${perPair(leased)}: ${ratio}`);
  }
  const few = await cost(server.pid, () => runPairs(mount, PAIRS * 2, true));
  for (let i = 0; i < 10_000; i++) {
    await openFile(mount, i % 2 === 0 ? `many${i}` : "pair0-0", {
      createDisposition: CreateDisposition.OPEN_IF,
      desiredAccess: i % 2 === 0 ? READ_WRITE_DATA : 0x80,
    });
  }
  const many = await cost(server.pid, () => runPairs(mount, PAIRS * 2, true));
  console.log(`pair beside 10,000 opens: ${(many / few).toFixed(2)} of the time beside none`);
  mount.client.close();
} finally {
  await server.stop();
}
