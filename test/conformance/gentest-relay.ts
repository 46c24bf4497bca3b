// A relay between gentest and one server: passes every request and its response to an observer, and applies
// rules that change requests to which the two servers cannot respond alike. [MS-SMB2] 2.1, 2.2.1.
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

/** The relay's record of an open. */
export interface KnownOpen {
  /** The name it was opened with, or renamed to through this open. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly desiredAccess: number;
  /** The file's deletion was requested by SET_INFO, through any open. */
  readonly isDeletePending: boolean;
}

/** All opens of all connections, by FileId. */
export type KnownOpens = ReadonlyMap<string, KnownOpen>;

/** Modifies a request in place; the view starts at the SMB2 header. */
export type Rule = (request: DataView, opens: KnownOpens) => void;

/** Modifies a successful response in place; `request` is the request that it belongs to. */
export type AnswerRule = (answer: DataView, request: DataView) => void;

export interface RelayOptions {
  readonly host: string;
  readonly port: number;
  readonly server: { readonly host: string; readonly port: number };
  /** Applied in order to every unsigned request. */
  readonly rules: readonly Rule[];
  /** Applied in order to every unsigned response with STATUS_SUCCESS. */
  readonly answerRules: readonly AnswerRule[];
  /** Called with each request as it was forwarded, and its final response; both start at the SMB2 header. */
  readonly observe: (request: Uint8Array, answer: Uint8Array) => void;
}

export interface Relay {
  stop(): void;
}

interface Ends {
  server: Socket<undefined> | undefined;
  /** Frames that arrived before the connection to the server was established. */
  readonly early: Uint8Array[];
  readonly up: Framer;
}

/** Splits a stream into messages, each with its four bytes of length; [MS-SMB2] 2.1. */
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

/** Offset of a request's FileId from the header's start, by command; [MS-SMB2] 2.2.15 to 2.2.39. */
const FILE_ID_AT: Readonly<Record<number, number>> = { 6: 72, 7: 72, 8: 80, 9: 80, 10: 72, 16: 88, 17: 80 };

/** The FileId of a request in hex; "" if it has none. */
export function fileIdOf(request: DataView): string {
  const at = FILE_ID_AT[request.getUint16(12, true)] ?? 0;
  if (at === 0 || at + 16 > request.byteLength) return "";
  return Buffer.from(request.buffer, request.byteOffset + at, 16).toString("hex");
}

/** Overwrites the FileId of a request with one that no server knows, so that both refuse it. */
export function forgetFileId(request: DataView): void {
  const at = FILE_ID_AT[request.getUint16(12, true)] ?? 0;
  if (at !== 0) new Uint8Array(request.buffer, request.byteOffset + at, 16).fill(0xff);
}

/** Decodes UTF-16 text of `length` bytes. */
export function textAt(message: DataView, at: number, length: number): string {
  return Buffer.from(message.buffer, message.byteOffset + at, length).toString("utf16le");
}

/** The new name in a SET_INFO request with FileRenameInformation; undefined for any other request. */
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

/** The last request of each client connection: gentest sends one at a time, so a response belongs to it. */
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

// gentest's messages are small: if a socket does not accept one at once, the set-up is broken.
function sendAll<T>(socket: Socket<T>, frame: Uint8Array): void {
  const sent = socket.write(frame);
  if (sent >= 0 && sent < frame.length) throw new Error("the relay's socket is full");
}

function headerOf(frame: Uint8Array): DataView | undefined {
  if (frame.length < 4 + HEADER_BYTES) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + 4, frame.length - 4);
  return view.getUint32(0) === PROTOCOL ? view : undefined;
}
