// The control socket: a Unix socket that only the server's own user and root may open, by its file mode. A
// client that does not read is closed after a while and delays nobody.
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { type Timer, timers } from "../../loop/timers.ts";
import { ConfigError } from "../config/parse.ts";
import type { ControlHost } from "./commands.ts";
import type { Items } from "./operation.ts";
import { MAX_REQUEST_BYTES, ControlError, parseRequest, refusalOf } from "./protocol.ts";
import { inSlices } from "./slices.ts";

const MAX_CLIENTS = 16;
/** How long a client may take for a request, and for taking an answer that waits. */
const IDLE_MS = 60_000;
const UNREAD_MS = 10_000;
/** Bytes that are collected before they are written. */
const CHUNK_BYTES = 16_384;

export interface ControlSocket {
  close(): void;
}

export interface ControlSocketHost extends ControlHost {
  /** A command has thrown what is not for its client. */
  bug(error: unknown): void;
}

/** Throws ConfigError where the socket cannot be made, or another server answers on it. */
export async function openControl(path: string, host: ControlSocketHost): Promise<ControlSocket> {
  await removeStale(path);
  const clients = new Set<Client>();
  const listener = listen(path, {
    open(socket) {
      const client = new Client(socket, host);
      socket.data = client;
      if (clients.size >= MAX_CLIENTS) socket.terminate();
      else clients.add(client);
    },
    data: (socket, bytes) => socket.data.receive(bytes),
    drain: (socket) => socket.data.drained(),
    close(socket) {
      clients.delete(socket.data);
      socket.data.closed();
    },
    error: (socket) => socket.data.closed(),
  });
  chmodSync(path, 0o600);
  const own = lstatSync(path).ino;
  return {
    close() {
      listener.stop(true);
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === own) unlinkSync(path);
    },
  };
}

function listen(path: string, socket: Bun.SocketHandler<Client>): Bun.UnixSocketListener<Client> {
  // Between bind(2) and chmod(2) nobody else may connect, either.
  const mask = process.umask(0o177);
  try {
    return Bun.listen<Client>({ unix: path, socket, data: undefined as unknown as Client });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(path, `the control socket cannot be made (${code ?? "the path is too long?"})`);
  } finally {
    process.umask(mask);
  }
}

/** Removes the socket of a server that was killed. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new ConfigError(path, "is no socket, remove it or name another with --control");
  const isAnswered = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.on("connect", () => resolve(socket.destroy() !== undefined));
    socket.on("error", () => resolve(false));
  });
  if (isAnswered) throw new ConfigError(path, "another server has this control socket, stop it first");
  try {
    unlinkSync(path);
  } catch (error) {
    throw new ConfigError(path, `cannot be removed (${(error as NodeJS.ErrnoException).code})`);
  }
}

class Client {
  private readonly socket: Bun.Socket<Client>;
  private readonly host: ControlSocketHost;
  private readonly decoder = new TextDecoder();
  private input = "";
  private isBusy = false;
  private isClosed = false;
  private timer: Timer | undefined;
  private wake: (() => void) | undefined;
  /** Ends the answer that has no end of its own. */
  private cancel: (() => void) | undefined;

  constructor(socket: Bun.Socket<Client>, host: ControlSocketHost) {
    this.socket = socket;
    this.host = host;
    this.expect(IDLE_MS);
  }

  receive(bytes: Uint8Array): void {
    this.input += this.decoder.decode(bytes, { stream: true });
    if (this.input.length > MAX_REQUEST_BYTES && (this.isBusy || !this.input.includes("\n"))) this.end();
    else if (!this.isBusy) void this.answerAll();
  }

  drained(): void {
    this.wake?.();
  }

  closed(): void {
    this.isClosed = true;
    timers.clear(this.timer);
    this.wake?.();
    this.cancel?.();
  }

  private end(): void {
    this.socket.terminate();
    this.closed();
  }

  private expect(delayMs: number): void {
    timers.clear(this.timer);
    this.timer = timers.set(delayMs, () => this.end());
  }

  private async answerAll(): Promise<void> {
    this.isBusy = true;
    for (;;) {
      const end = this.input.indexOf("\n");
      if (end < 0 || this.isClosed) break;
      const line = this.input.slice(0, end);
      this.input = this.input.slice(end + 1);
      if (line.trim() !== "") await this.answer(line);
      if (!this.isClosed) this.expect(IDLE_MS);
    }
    this.isBusy = false;
  }

  private async answer(line: string): Promise<void> {
    try {
      const request = parseRequest(line);
      const { carryOut } = await import("./commands.ts");
      const { cancel, etag, items } = await carryOut(this.host, request);
      this.cancel = cancel;
      if (this.isClosed) cancel?.();
      await this.send(items, cancel === undefined ? CHUNK_BYTES : 1);
      this.cancel = undefined;
      await this.write(`${JSON.stringify({ end: "ok", etag })}\n`);
    } catch (error) {
      this.cancel = undefined;
      if (!(error instanceof ControlError)) this.host.bug(error);
      const { code, message } = refusalOf(error);
      await this.write(`${JSON.stringify({ end: "error", message, code })}\n`);
    }
  }

  /** Makes the rows as the client takes them. */
  private async send(items: Items, chunkBytes: number): Promise<void> {
    let text = "";
    try {
      for await (const item of inSlices(items)) {
        text += `${JSON.stringify({ item })}\n`;
        if (text.length >= chunkBytes) {
          await this.write(text);
          text = "";
          if (!this.isClosed) this.expect(IDLE_MS);
        }
        if (this.isClosed) return;
      }
    } finally {
      // An error comes behind the items that were there before it.
      await this.write(text);
    }
  }

  /** Resolves when the kernel has taken the text, or the client is gone. */
  private async write(text: string): Promise<void> {
    let bytes: Uint8Array<ArrayBuffer> = new TextEncoder().encode(text);
    while (bytes.length > 0 && !this.isClosed) {
      const taken = this.socket.write(bytes);
      if (taken < 0) return this.end();
      bytes = bytes.subarray(taken);
      if (bytes.length === 0) break;
      this.expect(UNREAD_MS);
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = undefined;
    }
  }
}
