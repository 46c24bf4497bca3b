// Reads a password: from a terminal without echo, else one line of standard input.
import { CliError } from "./arguments.ts";

const ENTER = [0x0d, 0x0a];
const BACKSPACE = [0x7f, 0x08];
const INTERRUPT = 0x03;
const END = 0x04;
const ERASE_LINE = 0x15;

/** A character may come in two chunks; bytes that are not UTF-8 become U+FFFD, which no password may have. */
const plainDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Input read beyond the end of the last line. */
let pending = "";

/** Throws CliError on end of input or Ctrl-C. */
export async function promptPassword(question: string): Promise<string> {
  const answer = process.stdin.isTTY ? await readHidden(question) : await readPlain(question);
  process.stderr.write("\n");
  if (answer === undefined) throw new CliError("no password was given, nothing was changed");
  return answer;
}

/** Asks for a line that may be seen. Throws CliError on end of input. */
export async function promptLine(question: string): Promise<string> {
  const answer = await readPlain(question);
  if (answer === undefined) throw new CliError("the input ended, nothing was changed");
  return answer;
}

/** Asks twice until both answers match. */
export async function promptNewPassword(): Promise<string> {
  for (;;) {
    const first = await promptPassword("New password:");
    if ((await promptPassword("Retype password:")) === first) return first;
    process.stderr.write("The passwords differ, once more.\n");
  }
}

async function readHidden(question: string): Promise<string | undefined> {
  const { stdin } = process;
  // Before the question, so that early keys are not echoed either.
  stdin.setRawMode(true);
  process.stderr.write(question);
  let bytes: number[] = [];
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const byte of chunk as Uint8Array) {
        if (ENTER.includes(byte)) return Buffer.from(bytes).toString("utf8");
        if (byte === INTERRUPT || (byte === END && bytes.length === 0)) return undefined;
        if (BACKSPACE.includes(byte))
          bytes = [...Buffer.from([...Buffer.from(bytes).toString()].slice(0, -1).join(""))];
        else if (byte === ERASE_LINE) bytes = [];
        else if (byte >= 0x20) bytes.push(byte);
      }
    }
    return undefined;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
  }
}

async function readPlain(question: string): Promise<string | undefined> {
  process.stderr.write(question);
  for (;;) {
    const end = pending.indexOf("\n");
    if (end >= 0) {
      const line = pending.slice(0, end).replace(/\r$/, "");
      pending = pending.slice(end + 1);
      return line;
    }
    const more = await nextChunk();
    if (more === undefined) {
      const rest = pending;
      pending = "";
      return rest === "" ? undefined : rest;
    }
    pending += more;
  }
}

async function nextChunk(): Promise<string | undefined> {
  const { stdin } = process;
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    stdin.pause();
    return plainDecoder.decode(chunk as Buffer, { stream: true });
  }
  return undefined;
}
