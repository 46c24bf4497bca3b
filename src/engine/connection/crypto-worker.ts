// A thread that encrypts, decrypts, signs and verifies large messages in the memory of the buffer pool: see
// crypto-threads.ts.
import { selectProvider } from "../../crypto/select.ts";
import type { Aead, Mac, Provider } from "../../crypto/provider.ts";
import { viewMemory } from "../../linux/memory.ts";
import { Message } from "../../wire/cursor.ts";
import { makeAead, makeMac } from "../logon/session-keys.ts";
import type { AeadKey, MacKey } from "../state/session.ts";
import { transformParts } from "./sealing.ts";
import type { CryptoAnswer, CryptoJob, ToCryptoWorker } from "./crypto-threads.ts";
import { signMessage, verifySignature } from "./signing.ts";

declare const self: Worker;

/** Keys and views kept for the next job. */
const MAX_KEPT = 32;

let provider: Provider | undefined;
const aeads = new Map<string, Aead>();
const macs = new Map<string, Mac>();
const views = new Map<string, DataView>();
const message = new Message(new Uint8Array(0));

self.onmessage = ({ data }: MessageEvent<ToCryptoWorker>) => {
  if ("wish" in data) provider = selectProvider(data.wish);
  else self.postMessage({ job: data.job, isSound: carryOut(data) } satisfies CryptoAnswer);
};

function carryOut(job: CryptoJob): boolean {
  const { address, size, start, to } = job;
  if (provider === undefined) return false;
  const view = kept(views, `${address} ${size}`, () => new DataView(viewMemory(address, size).buffer));
  const bytes = new Uint8Array(view.buffer);
  if (job.kind === "sign" || job.kind === "verify") {
    const mac = keptMac(provider, job.key);
    message.set(bytes, view, start, to - start);
    if (job.kind === "verify") return verifySignature(mac, message);
    signMessage(mac, bytes, view, start, to);
    return true;
  }
  const aead = keptAead(provider, job.key);
  const { nonce, aad, tag, from } = transformParts(bytes, start, aead.nonceLength);
  if (job.kind === "open") return aead.open(nonce, aad, bytes, from, to, tag);
  aead.seal(nonce, aad, bytes, from, to, tag);
  return true;
}

function keptAead({ aesGcm, aesCcm }: Provider, { cipher, bytes }: AeadKey): Aead {
  return kept(aeads, nameOf(cipher, bytes), () => makeAead({ aesGcm, aesCcm }, cipher, bytes));
}

function keptMac(from: Provider, { algorithm, bytes }: MacKey): Mac {
  return kept(macs, nameOf(algorithm, bytes), () => makeMac(from, algorithm, bytes));
}

function nameOf(algorithm: number, key: Uint8Array): string {
  return `${algorithm} ${Buffer.from(key).toString("latin1")}`;
}

function kept<T>(all: Map<string, T>, name: string, make: () => T): T {
  let found = all.get(name);
  if (found !== undefined) return found;
  if (all.size >= MAX_KEPT) all.clear();
  all.set(name, (found = make()));
  return found;
}
