// Threads that encrypt and verify: what waits for one always gets an answer.
import { expect, spyOn, test } from "bun:test";
import { CryptoThreads } from "../../../src/engine/connection/crypto-threads.ts";
import { BufferPool } from "../../../src/engine/transport/buffer-pool.ts";
import * as limits from "../../../src/linux/limits.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import * as workers from "../../../src/loop/worker.ts";

test.skipIf(!CryptoThreads.canHelp)(
  "all jobs fail when the last thread does and no other can start",
  async () => {
    const thread = { unref: () => undefined, postMessage: () => undefined, terminate: () => undefined };
    const started = spyOn(workers, "startWorker").mockReturnValue(thread as unknown as Worker);
    const canStart = spyOn(limits, "canStartThread").mockReturnValueOnce(true).mockReturnValue(false);
    try {
      const threads = new CryptoThreads("auto");
      const buffer = new BufferPool(1_048_576).acquire(65_536);
      const key = { algorithm: SigningAlgorithm.AES_CMAC, bytes: new Uint8Array(16) };
      const work = { kind: "verify", key, start: 0, to: 65_536 } as const;
      const jobs = Array.from({ length: 5 }, () => threads.carryOut(work, buffer, () => true));
      (thread as unknown as Worker).onerror?.(new ErrorEvent("error"));
      expect(await Promise.all(jobs)).toEqual(Array.from({ length: 5 }, () => false));
      expect(buffer.isInUse).toBe(false);
    } finally {
      started.mockRestore();
      canStart.mockRestore();
    }
  },
);
