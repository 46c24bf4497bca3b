// A relay between gentest and one server: shows every request with its answer to an observer, and lets rules change
// what both servers are asked where the specification leaves no common answer. [MS-SMB2] 2.1, 2.2.1.
import type { Socket } from "bun";

const HEADER_BYTES = 64;
const SIGNED = 0x8;
const STATUS_PENDING = 0x103;
const PROTOCOL = 0xfe53_4d42;
const CREATE = 5;
const CLOSE = 6;
const SET_INFO = 17;
/** FileRenameInformation. */
const RENAME = 0x0a;
/** FileDispositionInformation. */
const DISPOSITION = 0x0d;
const DIRECTORY = 0x10;

/** What the relay knows of an open. */
export interface KnownOpen {
  /** As it was opened or renamed through this open. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly desiredAccess: number;
  /** Somebody has the file deleted by SET_INFO. */
  readonly isDeletePending: boolean;
}

/** All opens by FileId, on whichever connection. */
export type KnownOpens = ReadonlyMap<string, KnownOpen>;

/** Changes a request in place; the view begins at its SMB2 header. */
export type Rule = (request: DataView, opens: KnownOpens) => void;

/** Changes a successful answer in place, beside the request that it is for. */
export type AnswerRule = (answer: DataView, request: DataView) => void;

export interface RelayOptions {
  readonly host: string;
  readonly port: number;
  readonly server: { readonly host: string; readonly port: number };
  /** Applied in order to every request that is not signed. */
  readonly rules: readonly Rule[];
  /** Applied in order to every answer that is not signed and tells of success. */
  readonly answerRules: readonly AnswerRule[];
  /** Sees each request as it was sent on, and its final answer; both begin at the SMB2 header. */
  readonly observe: (request: Uint8Array, answer: Uint8Array) => void;
}

export interface Relay {
  stop(): void;
}

interface Ends {
  server: Socket<undefined> | undefined;
  /** What came before the server was connected. */
  readonly early: Uint8Array[];
  readonly up: Framer;
}

/** Cuts a stream into messages with their four bytes of length before them; 2.1. */
class Framer {
  private rest: Uint8Array = new Uint8Array(0);

  take(data: Uint8Array): Uint8Array[] {
    const joined = new Uint8Array(this.rest.length + data.length);
    joined.set(this.rest);
    joined.set(data, this.rest.length);
    const frames: Uint8Array[] = [];
    let at = 0;
    while (joined.length - at >= 4) {
      const length = new DataView(joined.buffer, at).getUint32(0) & 0xff_ffff;
      if (joined.length - at - 4 < length) break;
      frames.push(joined.subarray(at, at + 4 + length));
      at += 4 + length;
    }
    this.rest = joined.subarray(at);
    return frames;
  }
}

export function startRelay(options: RelayOptions): Relay {
  const opens = new Map<string, KnownOpen>();
  const listener = Bun.listen<Ends>({
    hostname: options.host,
    port: options.port,
    socket: {
      open(client) {
        client.data = { server: undefined, early: [], up: new Framer() };
        void connectServer(client, options, opens);
      },
      data(client, data) {
        const { server, early, up } = client.data;
        for (const frame of up.take(data)) {
          const request = headerOf(frame);
          if (request !== undefined && (request.getUint32(16, true) & SIGNED) === 0) {
            for (const rule of options.rules) rule(request, opens);
          }
          if (server === undefined) early.push(frame);
          else send(client, server, frame);
        }
      },
      close(client) {
        client.data.server?.end();
      },
    },
  });
  return { stop: () => listener.stop(true) };
}

/** Where the FileId of a request stands, from the header's start; 2.2.15 to 2.2.39. */
const FILE_ID_AT: Readonly<Record<number, number>> = { 6: 72, 7: 72, 8: 80, 9: 80, 10: 72, 16: 88, 17: 80 };

/** The FileId of a request as hexadecimal digits; "" where it has none. */
export function fileIdOf(request: DataView): string {
  const at = FILE_ID_AT[request.getUint16(12, true)] ?? 0;
  if (at === 0 || at + 16 > request.byteLength) return "";
  return Buffer.from(request.buffer, request.byteOffset + at, 16).toString("hex");
}

/** Puts a FileId into a request that no server knows. */
export function forgetFileId(request: DataView): void {
  const at = FILE_ID_AT[request.getUint16(12, true)] ?? 0;
  if (at !== 0) new Uint8Array(request.buffer, request.byteOffset + at, 16).fill(0xff);
}

/** UTF-16 text of `length` bytes. */
export function textAt(message: DataView, at: number, length: number): string {
  return Buffer.from(message.buffer, message.byteOffset + at, length).toString("utf16le");
}

/** The new name that a SET_INFO asks for with FileRenameInformation; undefined for every other request. */
export function newNameOf(request: DataView): string | undefined {
  if (request.getUint16(12, true) !== SET_INFO || request.getUint8(HEADER_BYTES + 3) !== RENAME)
    return undefined;
  const buffer = HEADER_BYTES + 32;
  return textAt(request, buffer + 20, request.getUint32(buffer + 16, true));
}

function noteOpen(request: DataView, answer: DataView, opens: Map<string, KnownOpen>): void {
  if (answer.getUint32(8, true) !== 0) return;
  const command = request.getUint16(12, true);
  if (command === CREATE) {
    const id = Buffer.from(answer.buffer, answer.byteOffset + HEADER_BYTES + 64, 16).toString("hex");
    const isDirectory = (answer.getUint32(HEADER_BYTES + 56, true) & DIRECTORY) !== 0;
    const nameAt = request.getUint16(HEADER_BYTES + 44, true);
    const name = textAt(request, nameAt, request.getUint16(HEADER_BYTES + 46, true));
    const desiredAccess = request.getUint32(HEADER_BYTES + 24, true);
    opens.set(id, { name, isDirectory, desiredAccess, isDeletePending: false });
    return;
  }
  const id = fileIdOf(request);
  const open = opens.get(id);
  const name = newNameOf(request);
  if (command === CLOSE) opens.delete(id);
  if (open === undefined) return;
  if (name !== undefined) opens.set(id, { ...open, name });
  if (command !== SET_INFO || request.getUint8(HEADER_BYTES + 3) !== DISPOSITION) return;
  const isDeletePending = request.getUint8(HEADER_BYTES + 32) !== 0;
  for (const [other, known] of opens) {
    if (known.name === open.name) opens.set(other, { ...known, isDeletePending });
  }
}

/** One request after the other is under way on a connection of gentest: an answer belongs to the last one. */
const underWay = new WeakMap<object, Uint8Array>();

async function connectServer(
  client: Socket<Ends>,
  options: RelayOptions,
  opens: Map<string, KnownOpen>,
): Promise<void> {
  const down = new Framer();
  const server = await Bun.connect({
    hostname: options.server.host,
    port: options.server.port,
    socket: {
      data(_server, data) {
        for (const frame of down.take(data)) {
          const request = underWay.get(client);
          const answer = headerOf(frame);
          if (request !== undefined && answer?.getUint32(8, true) !== STATUS_PENDING) {
            if (answer !== undefined) changeAnswer(request, answer, options, opens);
            options.observe(request, frame.subarray(4));
          }
          sendAll(client, frame);
        }
      },
      close() {
        client.end();
      },
    },
  });
  for (const frame of client.data.early) send(client, server, frame);
  client.data.server = server;
}

function changeAnswer(
  request: Uint8Array,
  answer: DataView,
  options: RelayOptions,
  opens: Map<string, KnownOpen>,
): void {
  const asked = new DataView(request.buffer, request.byteOffset, request.length);
  noteOpen(asked, answer, opens);
  if (answer.getUint32(8, true) !== 0 || (answer.getUint32(16, true) & SIGNED) !== 0) return;
  for (const rule of options.answerRules) rule(answer, asked);
}

function send(client: Socket<Ends>, server: Socket<undefined>, frame: Uint8Array): void {
  underWay.set(client, frame.subarray(4));
  sendAll(server, frame);
}

// What gentest sends and is sent is small: a socket that does not take it at once is a fault of the set-up.
function sendAll<T>(socket: Socket<T>, frame: Uint8Array): void {
  const sent = socket.write(frame);
  if (sent >= 0 && sent < frame.length) throw new Error("the relay's socket is full");
}

function headerOf(frame: Uint8Array): DataView | undefined {
  if (frame.length < 4 + HEADER_BYTES) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + 4, frame.length - 4);
  return view.getUint32(0) === PROTOCOL ? view : undefined;
}
