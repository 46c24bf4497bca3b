// A thread that encrypts and decrypts large messages in the memory of the buffer pool: see
// sealing-threads.ts.
import { selectProvider } from "../../crypto/select.ts";
import type { Aead, Provider } from "../../crypto/provider.ts";
import { viewMemory } from "../../linux/memory.ts";
import { makeAead } from "../logon/session-keys.ts";
import { transformParts } from "./sealing.ts";
import type { SealingAnswer, SealingJob, ToSealingWorker } from "./sealing-threads.ts";

declare const self: Worker;

/** Keys and views kept for the next job. */
const MAX_KEPT = 32;

let provider: Provider | undefined;
const aeads = new Map<string, Aead>();
const views = new Map<string, Uint8Array>();

self.onmessage = ({ data }: MessageEvent<ToSealingWorker>) => {
  if ("wish" in data) provider = selectProvider(data.wish);
  else self.postMessage({ job: data.job, isSound: carryOut(data) } satisfies SealingAnswer);
};

function carryOut(job: SealingJob): boolean {
  const { address, size, start, to, seals, key } = job;
  const bytes = kept(views, `${address} ${size}`, () => new Uint8Array(viewMemory(address, size).buffer));
  const name = `${key.cipher} ${Buffer.from(key.bytes).toString("latin1")}`;
  if (provider === undefined) return false;
  const { aesGcm, aesCcm } = provider;
  const aead = kept(aeads, name, () => makeAead({ aesGcm, aesCcm }, key.cipher, key.bytes));
  const { nonce, aad, tag, from } = transformParts(bytes, start, aead.nonceLength);
  if (!seals) return aead.open(nonce, aad, bytes, from, to, tag);
  aead.seal(nonce, aad, bytes, from, to, tag);
  return true;
}

function kept<T>(all: Map<string, T>, name: string, make: () => T): T {
  let found = all.get(name);
  if (found !== undefined) return found;
  if (all.size >= MAX_KEPT) all.clear();
  all.set(name, (found = make()));
  return found;
}
