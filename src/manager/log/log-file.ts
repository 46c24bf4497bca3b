// `log file`: lines with their time, written in the background, so that a disk that hangs delays no client.
import { type FileHandle, open, rename } from "node:fs/promises";
import { eventLoop } from "../../loop/event-loop.ts";
import type { LogLevel } from "./log.ts";

/** Lines that wait for the disk; more are left out and counted. */
const MAX_WAITING_CHARACTERS = 262_144;

export class LogFile {
  private readonly path: string;
  private readonly maxBytes: number;
  private waiting = "";
  private dropped = 0;
  private bytes = 0;
  private handle: FileHandle | undefined;
  private writing: Promise<void> | undefined;
  private isEnded = false;
  /** Takes the lines that could not be written. */
  private readonly fallback: (lines: string) => void;

  constructor(path: string, maxBytes: number, fallback: (lines: string) => void) {
    this.fallback = fallback;
    this.path = path;
    this.maxBytes = maxBytes;
  }

  write(level: LogLevel, text: string): void {
    if (this.waiting.length > MAX_WAITING_CHARACTERS) {
      this.dropped++;
      return;
    }
    this.waiting += `${timeOf(new Date())} ${level}: ${text}\n`;
    this.writing ??= this.writeAll();
  }

  async flush(): Promise<void> {
    await this.writing;
  }

  end(): void {
    this.isEnded = true;
    this.writing ??= this.writeAll();
  }

  private async writeAll(): Promise<void> {
    // The lines of this turn of the event loop are written together.
    await eventLoop.pause();
    let text = "";
    try {
      while (this.waiting !== "") {
        text = this.takeWaiting();
        this.handle ??= await this.open();
        const { bytesWritten } = await this.handle.write(text);
        this.bytes += bytesWritten;
        text = "";
        if (this.maxBytes > 0 && this.bytes > this.maxBytes) await this.rotate();
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.fallback(`${text}${this.takeWaiting()}minismbd: ${this.path} cannot be written (${code})\n`);
      // The next line opens the file anew: its disk may have been mounted again.
      void this.close().catch(() => undefined);
    }
    this.writing = undefined;
    if (this.isEnded) await this.close().catch(() => undefined);
  }

  private async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }

  private takeWaiting(): string {
    const text =
      this.dropped === 0 ? this.waiting : `${this.waiting}${this.dropped} more lines were left out\n`;
    this.waiting = "";
    this.dropped = 0;
    return text;
  }

  private async open(): Promise<FileHandle> {
    const handle = await open(this.path, "a", 0o640);
    this.bytes = (await handle.stat()).size;
    return handle;
  }

  private async rotate(): Promise<void> {
    await this.close();
    await rename(this.path, `${this.path}.old`);
  }
}

/** Local time to the second, with the offset: `2026-11-28T21:44:47+0100`. */
function timeOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const two = (value: number): string => String(value).padStart(2, "0");
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const offset = Math.abs(minutes);
  return `${local}${minutes < 0 ? "-" : "+"}${two(Math.floor(offset / 60))}${two(offset % 60)}`;
}
