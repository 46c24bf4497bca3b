// A GlusterFS volume of two bricks on this machine: its daemon, its bricks, mounts of it.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

const NAME = "shared";

/** Runs a program to its end; throws with its output when it fails. */
export function run(...words: string[]): string {
  const done = Bun.spawnSync(words, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const output = `${done.stdout}${done.stderr}`;
  if (done.exitCode !== 0) throw new Error(`${words.join(" ")}: ${output}`);
  return output;
}

export class Volume {
  private readonly directory: string;
  private readonly host: string;

  private constructor(directory: string, host: string) {
    this.directory = directory;
    this.host = host;
  }

  /** All state is below `directory`, also where GlusterFS has fixed places for it. */
  static async create(directory: string, host: string): Promise<Volume> {
    for (const name of ["state", "log", "run"]) mkdirSync(join(directory, name));
    run("mount", "--make-rprivate", "/");
    run("mount", "--bind", join(directory, "state"), "/var/lib/glusterd");
    run("mount", "--bind", join(directory, "log"), "/var/log/glusterfs");
    run("mount", "--bind", join(directory, "run"), "/run");
    mkdirSync("/run/gluster");
    const log = openSync(join(directory, "glusterd.log"), "a");
    Bun.spawn(["glusterd", "--no-daemon"], { stdin: "ignore", stdout: log, stderr: log });
    closeSync(log);
    const volume = new Volume(directory, host);
    for (let tries = 0; ; tries++) {
      try {
        volume.command("volume", "info");
        break;
      } catch (error) {
        if (tries === 100) throw error;
        await Bun.sleep(100);
      }
    }
    const bricks = [0, 1].map((index) => `${host}:${volume.brick(index)}`);
    volume.command("volume", "create", NAME, "replica", "2", ...bricks, "force");
    volume.command("volume", "start", NAME);
    return volume;
  }

  private command(...words: string[]): string {
    return run("gluster", "--mode=script", ...words);
  }

  /** The directory of a brick, 0 or 1. */
  brick(index: number): string {
    return join(this.directory, `brick${index}`);
  }

  /** Mounts the volume anew; returns the directory. */
  mount(name: string): string {
    const at = join(this.directory, name);
    mkdirSync(at);
    run("mount", "-t", "glusterfs", `${this.host}:/${NAME}`, at);
    return at;
  }

  /** Ends the process of a brick, as when its machine fails. */
  killBrick(index: number): void {
    const pattern = new RegExp(`brick${index}\\s.*\\s(\\d+)\\s*$`, "m");
    const pid = Number(pattern.exec(this.command("volume", "status", NAME))?.[1]);
    if (!(pid > 1)) throw new Error(`brick ${index} has no process`);
    process.kill(pid, "SIGKILL");
  }

  /** Starts the bricks that do not run. */
  revive(): void {
    this.command("volume", "start", NAME, "force");
  }

  /** True once a brick has that file with that text. */
  isOnBrick(index: number, name: string, text: string): boolean {
    const path = join(this.brick(index), name);
    return existsSync(path) && readFileSync(path, "utf8") === text;
  }
}
