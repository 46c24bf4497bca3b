// Rig of the tests of disks that are plugged in: images of file systems, mounted by loop devices in a mount
// namespace of the server's own, so that nothing is left on the machine. Needs root.
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerOptions } from "../../peer/test-server.ts";
import { TESTER_UID } from "../../peer/test-server.ts";
import { type ControlledServer, request, startControlled } from "./control-rig.ts";

const EXT4 = ["mkfs.ext4", "-q", "-F", "-E", `lazy_itable_init=0,root_owner=${TESTER_UID}:${TESTER_UID}`];

/** Whether such disks can be made here: as root, with mkfs.ext4 and loop devices. */
export const canPlugDisks =
  process.getuid?.() === 0 &&
  Bun.which("mkfs.ext4") !== null &&
  Bun.spawnSync(["losetup", "--find"], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;

export interface PluggedVolume {
  readonly image: string;
  /** The mount point, in the server's mount namespace. */
  readonly path: string;
}

export interface ImageOptions {
  readonly label?: string;
  readonly uuid?: string;
  readonly bytes?: number;
}

export class VolumesRig {
  readonly base: string;
  server!: ControlledServer;

  private constructor() {
    // In memory: what a disk writes when it is unmounted does not hold up the disk of other shares.
    this.base = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "minismbd-volumes-"));
    Bun.spawnSync(["chmod", "755", this.base]);
  }

  /** A server whose [volumes] has these parameters; disks count where they are mounted below `media`. */
  static async start(
    template: Record<string, string> = {},
    options: ServerOptions = {},
  ): Promise<VolumesRig> {
    const rig = new VolumesRig();
    mkdirSync(rig.media);
    try {
      rig.server = await startControlled({
        ...options,
        parameters: { "volume directories": rig.media, ...options.parameters },
        shares: [
          ...(options.shares ?? []),
          { name: "volumes", path: "", parameters: { "read only": "no", ...template } },
        ],
        runner: ["unshare", "--mount", ...(options.runner ?? [])],
      });
    } catch (error) {
      rmSync(rig.base, { recursive: true, force: true });
      throw error;
    }
    return rig;
  }

  get media(): string {
    return join(this.base, "media");
  }

  /** Makes an image of an ext4 file system. */
  make(name: string, { label = name, uuid, bytes = 16 * 1024 * 1024 }: ImageOptions = {}): PluggedVolume {
    const image = join(this.base, `${name}.img`);
    const file = openSync(image, "w");
    ftruncateSync(file, bytes);
    closeSync(file);
    run([
      ...EXT4,
      ...(label === "" ? [] : ["-L", label]),
      ...(uuid === undefined ? [] : ["-U", uuid]),
      image,
    ]);
    const path = join(this.media, name);
    mkdirSync(path, { recursive: true });
    return { image, path };
  }

  plug({ image, path }: PluggedVolume, options = "loop"): void {
    this.inside(["mount", "-o", options, image, path]);
  }

  /** As when it is pulled out while it is in use. */
  pull({ path }: PluggedVolume): void {
    this.inside(["umount", "-l", path]);
  }

  /** Runs a command in the server's mount namespace. Throws where it fails. */
  inside(words: readonly string[]): string {
    return run(["nsenter", "--mount", "-t", String(this.server.pid), ...words]);
  }

  /** The shares that the server has now. */
  async shares(): Promise<string[]> {
    const { items } = await request(this.server.socket, { command: "shares" });
    return items.map(({ name }) => String(name)).sort();
  }

  /** Waits until the server has, or has no longer, that share. Returns how long that took in ms. */
  async awaitShare(name: string, isThere = true, timeoutMs = 10_000): Promise<number> {
    const startMs = performance.now();
    while ((await this.shares()).includes(name) !== isThere) {
      if (performance.now() - startMs > timeoutMs)
        throw new Error(
          `share [${name}] ${isThere ? "is missing" : "is still there"}:\n${this.server.log()}`,
        );
      await Bun.sleep(5);
    }
    return performance.now() - startMs;
  }

  async stop(): Promise<void> {
    try {
      await this.server?.stop();
    } finally {
      rmSync(this.base, { recursive: true, force: true });
    }
  }
}

export function run(words: readonly string[]): string {
  const child = Bun.spawnSync([...words], { stdout: "pipe", stderr: "pipe", timeout: 30_000 });
  if (child.exitCode !== 0) throw new Error(`${words.join(" ")}: ${child.stderr.toString()}`);
  return child.stdout.toString();
}
