// The slow file system of slow-server.ts as tests use it.
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";

/** Whether this machine and user can mount it. */
export async function canMountFuse(): Promise<boolean> {
  return (
    process.getuid?.() === 0 &&
    (await Bun.file("/dev/fuse")
      .stat()
      .then(
        () => true,
        () => false,
      ))
  );
}

export class SlowDisk {
  readonly folder: string;
  private readonly process: Subprocess<"pipe", "pipe", "inherit">;
  private readonly lines: ReadableStreamDefaultReader<string>;

  private constructor(folder: string) {
    this.folder = folder;
    this.process = Bun.spawn([process.execPath, join(import.meta.dir, "slow-server.ts"), folder], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.lines = this.process.stdout.pipeThrough(new TextDecoderStream()).getReader() as never;
  }

  /** Mounts a fresh one, at a folder of its own or at `folder`. */
  static async mount(folder = mkdtempSync(join(tmpdir(), "minismbd-slow-"))): Promise<SlowDisk> {
    const disk = new SlowDisk(folder);
    const { value } = await disk.lines.read();
    if (value?.trim() !== "ready") throw new Error("the FUSE server did not start");
    return disk;
  }

  /** From now on every operation takes that long. */
  async hold(delayMs: number): Promise<void> {
    await this.tell(`hold ${delayMs}`);
  }

  /** From now on no operation is answered. */
  async stall(): Promise<void> {
    await this.tell("stall");
  }

  /** All goes on, what is held as well. */
  async go(): Promise<void> {
    await this.tell("go");
  }

  /** Its process is killed; the mount stays, and every operation fails. */
  async die(): Promise<void> {
    this.process.stdin.write("die\n");
    await this.process.stdin.flush();
    await this.process.exited;
  }

  /** Ends and unmounts it, also after `die`; the folder stays with `keepsFolder`. */
  async dispose(keepsFolder = false): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      await this.tell("go");
      await this.process.stdin.end();
      await this.process.exited;
    }
    await Bun.$`umount -l ${this.folder}`.quiet().nothrow();
    if (!keepsFolder) rmdirSync(this.folder);
  }

  private async tell(line: string): Promise<void> {
    this.process.stdin.write(`${line}\n`);
    await this.process.stdin.flush();
    await this.lines.read();
  }
}
