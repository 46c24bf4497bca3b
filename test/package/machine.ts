// A clean Debian in a directory, booted by systemd-nspawn with a network of its own; commands run inside by nsenter.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Outcome {
  readonly status: number;
  /** Standard output and error. */
  readonly out: string;
}

const BOOT_LIMIT_MS = 60_000;
const COMMAND_LIMIT_MS = 120_000;

export class Machine {
  private readonly nspawn: Bun.Subprocess;
  private readonly init: number;

  private constructor(nspawn: Bun.Subprocess, init: number) {
    this.nspawn = nspawn;
    this.init = init;
  }

  /** Throws where systemd has not reached its default target within a minute. */
  static async boot(root: string): Promise<Machine> {
    writeFileSync(join(root, "etc/hostname"), "box\n");
    const words = [
      "systemd-nspawn",
      "--quiet",
      "--register=no",
      "--keep-unit",
      "--private-network",
      "--boot",
    ];
    const nspawn = Bun.spawn([...words, "-D", root], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    const end = performance.now() + BOOT_LIMIT_MS;
    while (performance.now() < end && nspawn.exitCode === null) {
      const init = findInit(nspawn.pid);
      if (init !== undefined) {
        const machine = new Machine(nspawn, init);
        if (/running|degraded/.test(machine.run("systemctl is-system-running").out)) return machine;
      }
      await Bun.sleep(300);
    }
    nspawn.kill("SIGKILL");
    throw new Error(`${root}: systemd did not come up`);
  }

  /** Runs a line of the shell in the machine. */
  run(line: string): Outcome {
    const all = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wdns=/"];
    return finish(["nsenter", "--target", String(this.init), ...all, "/bin/sh", "-c", line]);
  }

  /** Runs a program of this machine in the network of the other, with `input` as its standard input. */
  connect(words: readonly string[], input = ""): Outcome {
    return finish(["nsenter", "--target", String(this.init), "--net", ...words], input);
  }

  /** As `connect`, without waiting for its end. */
  start(words: readonly string[]): Bun.Subprocess<"pipe", "pipe", "inherit"> {
    const all = ["nsenter", "--target", String(this.init), "--net", ...words];
    return Bun.spawn(all, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  }

  async stop(): Promise<void> {
    this.run("systemctl --no-block poweroff");
    const timer = setTimeout(() => this.nspawn.kill("SIGKILL"), 15_000);
    await this.nspawn.exited;
    clearTimeout(timer);
  }
}

function finish(words: readonly string[], input = ""): Outcome {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], {
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      DEBIAN_FRONTEND: "noninteractive",
    },
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_LIMIT_MS,
  });
  return { status: exitCode, out: stdout.toString() + stderr.toString() };
}

/** The process below `parent` that is number 1 of a PID namespace. */
function findInit(parent: number): number | undefined {
  const below = new Set([parent]);
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const name of processes.sort((a, b) => Number(a) - Number(b))) {
    const path = `/proc/${name}/status`;
    if (!existsSync(path)) continue;
    const text = readFileSync(path, "utf8");
    if (!below.has(Number(/^PPid:\s+(\d+)/m.exec(text)?.[1]))) continue;
    below.add(Number(name));
    if (/^NSpid:\s.*\s1$/m.test(text)) return Number(name);
  }
  return undefined;
}
