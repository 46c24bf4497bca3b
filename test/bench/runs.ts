// One measurement of one server: starts the client, samples the server's CPU time and memory around it.
import { join } from "node:path";
import { connectionWords } from "../e2e/client/smbclient.ts";
import { processTree, TESTER } from "../peer/test-server.ts";
import { type Folder, type Place, PLACES } from "./folders.ts";
import { FAILED, type Job, type JobResult, type ProtectionName } from "./jobs.ts";
import { anonymousKib, cpuSeconds, threadSeconds } from "./processes.ts";
import { CEILING, type Subject } from "./subjects.ts";

/** What a run is made with. */
export interface Bench {
  /** load.c, compiled. */
  readonly library: string;
  readonly folders: Readonly<Record<Place, Folder>>;
  /** MiB that a transfer moves at most, all clients together. */
  readonly mib: number;
  /** Ends the measurement under way: its clients are killed. */
  signal: AbortSignal;
}

export interface Measured extends JobResult {
  /** The server's. */
  readonly cpuSeconds: number;
  readonly peakAnonymousKib: number;
}

export type JobOptions = Partial<Job> & Pick<Job, "kind">;

function jobOf(subject: Subject, options: JobOptions): Job {
  const share = options.share ?? "memory";
  const tree = PLACES.findIndex((place) => place === share) * 2 + (options.file === "random" ? 1 : 0);
  return {
    host: subject.host,
    port: subject.port,
    user: TESTER.user,
    password: TESTER.password,
    share,
    protection: "plain",
    file: "big",
    fileBytes: 0,
    connections: 1,
    count: 0,
    depth: 1,
    size: 0,
    seconds: 0,
    ceilingTree: subject.name === CEILING ? tree : undefined,
    ...options,
  };
}

/** A client process that is logged on and has its requests at hand. */
class Client {
  private readonly child;
  private readonly output;
  private readonly subject: Subject;

  constructor(bench: Bench, subject: Subject, options: JobOptions) {
    this.subject = subject;
    const words = [
      join(import.meta.dir, "client.ts"),
      bench.library,
      JSON.stringify(jobOf(subject, options)),
    ];
    this.child = Bun.spawn([process.execPath, ...words], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      signal: bench.signal,
      killSignal: "SIGKILL",
    });
    this.output = this.child.stdout.getReader();
  }

  async nextLine(): Promise<string> {
    const { value } = await this.output.read();
    if (value === undefined) throw new Error(`${this.subject.name}: the client ended`);
    const line = new TextDecoder().decode(value).trim();
    if (line.startsWith(FAILED)) throw new Error(line.slice(FAILED.length).trim());
    return line;
  }

  go(): void {
    this.child.stdin.write("go\n");
    void this.child.stdin.flush();
  }

  async end(): Promise<void> {
    await this.child.stdin.end();
    await this.child.exited;
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

const SAMPLE_MS = 25;
/** Samples between two looks for new processes: smbd has one for each connection. */
const SAMPLES_A_TREE = 8;

/** Samples anonymous memory until `done` settles. */
async function peakDuring(pid: number, done: Promise<unknown>): Promise<number> {
  let isDone = false;
  void done.catch(() => undefined).then(() => (isDone = true));
  let pids: readonly number[] = [];
  let peak = 0;
  for (let sample = 0; !isDone; sample++) {
    if (sample % SAMPLES_A_TREE === 0) pids = processTree(pid);
    peak = Math.max(peak, anonymousKib(pids));
    await Bun.sleep(SAMPLE_MS);
  }
  return peak;
}

/** Runs one job of the raw client. `used`: what `cpuSeconds` is the difference of, of the server's process. */
export async function runJob(
  bench: Bench,
  subject: Subject,
  options: JobOptions,
  used: (pid: number) => number = threadSeconds,
): Promise<Measured> {
  const client = new Client(bench, subject, options);
  try {
    await client.nextLine();
    const before = used(subject.pid);
    client.go();
    const line = client.nextLine();
    const peakAnonymousKib = await peakDuring(subject.pid, line);
    const result = JSON.parse(await line) as JobResult;
    const measured = { ...result, cpuSeconds: used(subject.pid) - before, peakAnonymousKib };
    await client.end();
    return measured;
  } finally {
    client.kill();
  }
}

/** Logs on `connections` clients that do nothing. Returns a function that closes them. */
export async function holdConnections(
  bench: Bench,
  subject: Subject,
  connections: number,
): Promise<() => Promise<void>> {
  const client = new Client(bench, subject, { kind: "idle", connections });
  try {
    await client.nextLine();
  } catch (error) {
    client.kill();
    throw error;
  }
  return () => client.end();
}

/** smbclient's options for each protection. */
const SMBCLIENT: Readonly<
  Record<ProtectionName, { protection: "off" | "sign" | "encrypt"; option?: string }>
> = {
  plain: { protection: "off" },
  gmac: { protection: "sign", option: "client smb3 signing algorithms=AES-128-GMAC" },
  cmac: { protection: "sign", option: "client smb3 signing algorithms=AES-128-CMAC" },
  gcm: { protection: "encrypt", option: "client smb3 encryption algorithms=AES-128-GCM" },
  ccm: { protection: "encrypt", option: "client smb3 encryption algorithms=AES-128-CCM" },
};

export interface SmbclientJob {
  readonly place: Place;
  readonly protection: ProtectionName;
  /** One for each client; they run at the same time. */
  readonly commands: readonly string[];
}

/** Runs smbclients; `seconds` is until the last one ends, log-on included. */
export async function runSmbclients(
  { signal }: Bench,
  subject: Subject,
  { place, protection, commands }: SmbclientJob,
): Promise<Pick<Measured, "seconds" | "cpuSeconds" | "peakAnonymousKib">> {
  const { protection: kind, option } = SMBCLIENT[protection];
  const at = { port: subject.port, users: [TESTER] };
  const options = option === undefined ? [] : [`--option=${option}`];
  const words = [`//${subject.host}/${place}`, ...connectionWords(at, { protection: kind }), ...options];
  const before = cpuSeconds(subject.pid);
  const start = performance.now();
  const done = Promise.all(commands.map((each) => runSmbclient([...words, "-c", each], signal)));
  const peakAnonymousKib = await peakDuring(subject.pid, done);
  const ended = Math.max(...(await done));
  // The time of smbd's process for a connection is counted once its parent has reaped it.
  await Bun.sleep(100);
  const seconds = (ended - start) / 1000;
  return { seconds, cpuSeconds: cpuSeconds(subject.pid) - before, peakAnonymousKib };
}

/** Returns when smbclient has ended. Throws with its output when it fails. */
async function runSmbclient(words: readonly string[], signal: AbortSignal): Promise<number> {
  const child = Bun.spawn(["smbclient", ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal,
    killSignal: "SIGKILL",
  });
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const status = await child.exited;
  const ended = performance.now();
  const text = (await output).join("");
  if (status !== 0 || text.includes("NT_STATUS"))
    throw new Error(`smbclient: ${text.trim().slice(0, 500) || `exit status ${status}`}`);
  return ended;
}
