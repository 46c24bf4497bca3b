// Rig of the attack tests: starts the server under attack, checks the outcome of a request against the
// allowed ones, and checks that the server still serves an ordinary client.
import { expect } from "bun:test";
import { Status, statusName } from "../../../src/wire/status.ts";
import { memoryOf } from "../../bench/processes.ts";
import { startSubject } from "../../peer/start.ts";
import { type ServerOptions, TESTER, type TestServer } from "../../peer/test-server.ts";
import type { Call, LogOnOptions } from "./raw-calls.ts";
import { RawClient, StatusError } from "./raw-client.ts";
import {
  closeCall,
  createFile,
  deleteCall,
  type Mount,
  mountShare,
  readFile,
  writeFile,
} from "./raw-files.ts";
import { ConnectionClosed, type RawSocket } from "./raw-socket.ts";

/** How a request ended: a status, or a closed connection. */
export type Outcome = number | "closed";

/** Allowed outcomes of a malformed request where the specification leaves the choice to the server. */
export const REFUSED: readonly Outcome[] = ["closed", Status.INVALID_PARAMETER];

export function startVictim(options: ServerOptions = {}): Promise<TestServer> {
  return startSubject(options);
}

/** A mount of `test` as the first user. */
export function mountTest(server: TestServer, options: Parameters<typeof mountShare>[3] = {}) {
  return mountShare(server, TESTER, "test", options);
}

function nameOf(outcome: Outcome): string {
  return outcome === "closed" ? outcome : statusName(outcome);
}

/** Fails unless `outcome` is one of `allowed`; the failure shows status names instead of numbers. */
export function expectOutcome(outcome: Outcome, ...allowed: readonly Outcome[]): void {
  expect(allowed.map(nameOf)).toContain(nameOf(outcome));
}

/** Turns a thrown StatusError or ConnectionClosed into its outcome; STATUS_SUCCESS when nothing is thrown. */
export async function outcomeOf(action: Promise<unknown>): Promise<Outcome> {
  try {
    await action;
    return Status.SUCCESS;
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    if (error instanceof ConnectionClosed) return "closed";
    throw error;
  }
}

let lastAddress = 0;

/** Returns an unused loopback address: the server bounds failed log-ons per client address. */
export function freshAddress(): string {
  lastAddress++;
  return `127.77.${lastAddress >> 8}.${lastAddress & 0xff}`;
}

/** Logs on over a new connection from an unused address. */
export async function tryLogOn(server: TestServer, options: LogOnOptions): Promise<Outcome> {
  const client = await RawClient.connect(server, freshAddress());
  const outcome = await outcomeOf(client.negotiate().then(() => client.logOn(options)));
  client.close();
  return outcome;
}

/** Sends bytes over a new connection; true when the server closes it within 3 s. */
export async function isClosedAfter(server: TestServer, send: (socket: RawSocket) => void): Promise<boolean> {
  const client = await RawClient.connect(server);
  send(client.socket);
  const isClosed = await client.isClosedSoon();
  client.close();
  return isClosed;
}

/** Fails unless an ordinary client can create, write, read and delete a file within 5 s. */
export async function expectServing(server: TestServer): Promise<void> {
  const start = performance.now();
  const mount = await mountTest(server);
  const name = "still serving";
  const data = new TextEncoder().encode("as ever");
  const file = await createFile(mount, name);
  expect(await writeFile(mount, file, 0, data)).toBe(data.length);
  expect(await readFile(mount, file, 0, 100)).toEqual(data);
  await mount.client.demand("delete", deleteCall(mount, file));
  await mount.client.demand("close", closeCall(mount, file));
  mount.client.close();
  // A client that is served only after all others have finished counts as not served.
  expect(performance.now() - start).toBeLessThan(5000);
}

/** Sends one request on a new mount, closes the connection and returns the outcome. */
export async function attackOnce(server: TestServer, make: (mount: Mount) => Call): Promise<Outcome> {
  const mount = await mountTest(server);
  const outcome = await mount.client.outcome(make(mount));
  mount.client.close();
  return outcome;
}

/** Anonymous memory of the server process in KiB. */
export function anonymousKib(server: TestServer): number {
  return memoryOf(server.pid).anonymousKib;
}

/** UTF-16LE; lone surrogates are encoded unchanged. */
export function utf16(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf16le"));
}
