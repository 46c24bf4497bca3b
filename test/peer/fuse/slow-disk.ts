// Controls the slow FUSE file system of slow-server.ts from tests.
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";

/** Whether this machine and user can mount FUSE file systems: needs root and /dev/fuse. */
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

  /** Mounts a new, empty file system at `folder`, by default a new directory. */
  static async mount(folder = mkdtempSync(join(tmpdir(), "minismbd-slow-"))): Promise<SlowDisk> {
    const disk = new SlowDisk(folder);
    const { value } = await disk.lines.read();
    if (value?.trim() !== "ready") throw new Error("the FUSE server did not start");
    return disk;
  }

  /** From now on every operation takes `delayMs`. */
  async hold(delayMs: number): Promise<void> {
    await this.tell(`hold ${delayMs}`);
  }

  /** From now on every operation hangs. */
  async stall(): Promise<void> {
    await this.tell("stall");
  }

  /** From now on every close(2) fails with this errno; 0 ends that. */
  async failClose(errno: number): Promise<void> {
    await this.tell(`flush ${errno}`);
  }

  /** From now on every operation fails with this errno; 0 ends that. */
  async fail(errno: number): Promise<void> {
    await this.tell(`fail ${errno}`);
  }

  /** Ends `hold` and `stall`, also for the operations that wait. */
  async go(): Promise<void> {
    await this.tell("go");
  }

  /** Kills its process; the mount remains, and every operation fails. */
  async die(): Promise<void> {
    this.process.stdin.write("die\n");
    await this.process.stdin.flush();
    await this.process.exited;
  }

  /** Ends and unmounts it, also after `die`; removes the directory unless `keepsFolder`. */
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
