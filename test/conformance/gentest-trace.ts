// Records the last request and response of a server for the report of a difference; [MS-SMB2] 2.2.13, 2.2.14.
import { fileIdOf } from "./gentest-relay.ts";

const HEADER_BYTES = 64;
const CREATE = 5;
const CLOSE = 6;

const COMMANDS: Readonly<Record<number, string>> = {
  5: "CREATE",
  6: "CLOSE",
  7: "FLUSH",
  8: "READ",
  9: "WRITE",
  10: "LOCK",
  13: "ECHO",
  16: "QUERY_INFO",
  17: "SET_INFO",
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function describeCreate(request: Uint8Array): string {
  const view = viewOf(request);
  const field = (at: number): string => `0x${view.getUint32(HEADER_BYTES + at, true).toString(16)}`;
  const nameAt = view.getUint16(HEADER_BYTES + 44, true);
  const name = request.subarray(nameAt, nameAt + view.getUint16(HEADER_BYTES + 46, true));
  const text = Buffer.from(name).toString("utf16le");
  return `"${text}" access ${field(24)} attributes ${field(28)} share ${field(32)} disposition ${field(36)} options ${field(40)}`;
}

/** The open files and the last exchange of one server. */
export class Trace {
  private readonly opens = new Map<string, string>();
  private last = "";

  readonly observe = (request: Uint8Array, answer: Uint8Array): void => {
    if (request.length < HEADER_BYTES || answer.length < HEADER_BYTES) return;
    const command = viewOf(request).getUint16(12, true);
    const status = viewOf(answer).getUint32(8, true);
    const told = `${this.describe(command, request)}\n    -> 0x${status.toString(16)} ${hex(answer.subarray(HEADER_BYTES, HEADER_BYTES + 96))}`;
    // TREE_DISCONNECT and LOGOFF, which end a run, are not recorded.
    if (COMMANDS[command] !== undefined) this.last = told;
    if (status !== 0) return;
    if (command === CREATE) {
      this.opens.set(hex(answer.subarray(HEADER_BYTES + 64, HEADER_BYTES + 80)), describeCreate(request));
    }
    if (command === CLOSE) this.opens.delete(fileIdOf(viewOf(request)));
  };

  private describe(command: number, request: Uint8Array): string {
    const name = COMMANDS[command] ?? `command ${command}`;
    if (command === CREATE) {
      const view = viewOf(request);
      const contexts = view.getUint32(HEADER_BYTES + 48, true);
      return `${name} ${describeCreate(request)} contexts ${contexts === 0 ? "none" : hex(request.subarray(contexts, contexts + 160))}`;
    }
    const open = this.opens.get(fileIdOf(viewOf(request))) ?? "no open";
    return `${name} ${hex(request.subarray(HEADER_BYTES, HEADER_BYTES + 96))}\n    on ${open}`;
  }

  /** The last exchange as text. */
  report(): string {
    return this.last;
  }
}
