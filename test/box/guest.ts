// A user-mode Linux as an ordinary process: a kernel with as little memory as a small box has, that runs one server.
import { join } from "node:path";
import { type ServerName, startCommand } from "./root.ts";

/** What the guest reported at one time; sizes in KiB. */
export interface Sample {
  /** Since boot. */
  readonly seconds: number;
  readonly available: number;
  /** Of all processes of the server. */
  readonly anonymous: number;
  /** Resident pages of the executable's code, and of its other sections. */
  readonly code: number;
  readonly rest: number;
  readonly majorFaults: number;
  readonly processes: number;
}

export interface GuestOptions {
  readonly memoryMib: number;
  readonly server: ServerName;
  /** Directory of the guest's root. */
  readonly root: string;
  readonly image: string;
  /** A directory for the kernel's own files, also mounted in the guest at /host. */
  readonly directory: string;
}

const KILLED = /Out of memory|oom-kill|Killed process|Kernel panic|segfault|I\/O error|EXT4-fs error/;
const COMMAND_TIMEOUT_MS = 60_000;

export class Guest {
  readonly samples: Sample[] = [];
  /** Lines of the kernel that tell of a killed process or another disaster. */
  readonly killed: string[] = [];
  /** Everything on the console but samples and answers. */
  readonly console: string[] = [];
  private readonly answers: ((line: string) => void)[] = [];
  private readonly child: Bun.Subprocess<"pipe", "pipe">;
  private readonly server: ServerName;

  private constructor(child: Bun.Subprocess<"pipe", "pipe">, server: ServerName) {
    this.child = child;
    this.server = server;
    void this.readConsole();
  }

  /** Boots a kernel; resolves when its shell takes commands. */
  static async boot(options: GuestOptions): Promise<Guest> {
    const words = [
      // At random addresses the kernel's tables take up to 10 MiB more.
      ...["setarch", "-R", "linux.uml"],
      `mem=${options.memoryMib}M`,
      "root=/dev/root",
      "rootfstype=hostfs",
      `rootflags=${options.root}`,
      "rw",
      "init=/init",
      `ubd0=${options.image}`,
      "vec0:transport=tap,ifname=tap0,depth=128,gro=1",
      "con0=fd:0,fd:1",
      "con=null",
      "console=tty0",
      "loglevel=5",
      "umid=box",
      `uml_dir=${options.directory}/uml`,
    ];
    const child = Bun.spawn(words, {
      stdin: "pipe",
      stdout: "pipe",
      // The kernel's own console; this is what it says before there is one.
      stderr: Bun.file(join(options.directory, "boot.log")),
      cwd: options.directory,
    });
    const guest = new Guest(child, options.server);
    await guest.answer("booting");
    await guest.run(`mount -t hostfs none /host -o ${join(options.directory, "host")}`);
    return guest;
  }

  /** Runs a line of shell in the guest and returns what it left in `$answer`. */
  async run(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    void this.child.stdin.flush();
    const [status = "", ...answer] = (await this.answer(line)).split(" ");
    if (status !== "0") throw new Error(`the guest failed with status ${status}: ${line}`);
    return answer.join(" ");
  }

  /** False where the guest's network has stopped. */
  async reachesHost(): Promise<boolean> {
    return (await this.run("ping -c 3 -W 2 10.77.0.1 > /dev/null; answer=$?; true")) === "0";
  }

  /** Starts the server and the samples. */
  async startServer(): Promise<void> {
    await this.run(startCommand(this.server));
    await this.run(`sleep 1; watch ${this.server} "$server" &`);
  }

  /** Sends SIGTERM to the server; returns the milliseconds until it had ended, and its status. */
  async stopServer(): Promise<{ readonly ms: number; readonly status: number }> {
    const start = performance.now();
    const status = await this.run('kill "$server"; wait "$server"; answer=$?; true');
    return { ms: performance.now() - start, status: Number(status) };
  }

  async halt(): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    this.child.stdin.write("poweroff -f\n");
    void this.child.stdin.flush();
    await this.child.exited;
    clearTimeout(timer);
  }

  private answer(what: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${what}: ${why}\n${this.console.slice(-20).join("\n")}`));
      const timer = setTimeout(() => fail("the guest does not answer"), COMMAND_TIMEOUT_MS);
      this.answers.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
      void this.child.exited.then(() => fail("the guest has ended"));
    });
  }

  private async readConsole(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r*\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) this.takeLine(line);
    }
  }

  private takeLine(line: string): void {
    const [word, ...fields] = line.split(" ");
    if (word === "@end") this.answers.shift()?.(fields.join(" "));
    else if (word === "@sample") this.samples.push(readSample(fields));
    else {
      this.console.push(line);
      if (process.env["BOX_CONSOLE"] !== undefined) console.log(`guest: ${line}`);
      if (KILLED.test(line)) this.killed.push(line);
    }
  }
}

function readSample(fields: readonly string[]): Sample {
  const [seconds = 0, available = 0, anonymous = 0, code = 0, rest = 0, majorFaults = 0, processes = 0] =
    fields.map(Number);
  return { seconds, available, anonymous, code, rest, majorFaults, processes };
}
