// What every attack test needs: a victim, a way to say which answers are allowed, and proof that the victim still serves.
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

/** In what an attack may end where the specification leaves the choice. */
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

/** Fails with names in place of numbers. */
export function expectOutcome(outcome: Outcome, ...allowed: readonly Outcome[]): void {
  expect(allowed.map(nameOf)).toContain(nameOf(outcome));
}

/** The outcome of something that throws StatusError or ConnectionClosed where it fails, and 0 where it does not. */
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

/** An address of this machine that was not used before: guesses at passwords are slowed by address. */
export function freshAddress(): string {
  lastAddress++;
  return `127.77.${lastAddress >> 8}.${lastAddress & 0xff}`;
}

/** Logs on over a connection of its own. */
export async function tryLogOn(server: TestServer, options: LogOnOptions): Promise<Outcome> {
  const client = await RawClient.connect(server, freshAddress());
  const outcome = await outcomeOf(client.negotiate().then(() => client.logOn(options)));
  client.close();
  return outcome;
}

/** Sends bytes over a fresh connection and says whether the server closed it. */
export async function isClosedAfter(server: TestServer, send: (socket: RawSocket) => void): Promise<boolean> {
  const client = await RawClient.connect(server);
  send(client.socket);
  const isClosed = await client.isClosedSoon();
  client.close();
  return isClosed;
}

/** A normal client comes, writes, reads and deletes a file, and goes. Throws where the server does not serve it. */
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
  // Served, but only after everybody else, is not served.
  expect(performance.now() - start).toBeLessThan(5000);
}

/** The outcome of one request on a connection that is thrown away with it. */
export async function attackOnce(server: TestServer, make: (mount: Mount) => Call): Promise<Outcome> {
  const mount = await mountTest(server);
  const outcome = await mount.client.outcome(make(mount));
  mount.client.close();
  return outcome;
}

/** Anonymous memory of the server in KiB. */
export function anonymousKib(server: TestServer): number {
  return memoryOf(server.pid).anonymousKib;
}

/** UTF-16LE without regard to surrogates. */
export function utf16(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf16le"));
}
