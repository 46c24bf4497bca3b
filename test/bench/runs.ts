// One measurement of one server: starts the client, samples the server's CPU time and memory around it.
import { join } from "node:path";
import { connectionWords, runProgram } from "../e2e/client/smbclient.ts";
import { processTree, TESTER } from "../peer/test-server.ts";
import { FAILED, type Job, type JobResult, type ProtectionName } from "./jobs.ts";
import { anonymousKib, cpuSeconds } from "./processes.ts";
import { SHARE, type Subject } from "./subjects.ts";

/** What a run is made with. */
export interface Bench {
  /** load.c, compiled. */
  readonly library: string;
  /** The shared folder. */
  readonly path: string;
  readonly mib: number;
}

export interface Measured extends JobResult {
  /** The server's. */
  readonly cpuSeconds: number;
  readonly peakAnonymousKib: number;
}

export type JobOptions = Partial<Job> & Pick<Job, "kind">;

function jobOf(subject: Subject, options: JobOptions): Job {
  return {
    host: subject.host,
    port: subject.port,
    user: TESTER.user,
    password: TESTER.password,
    share: SHARE,
    protection: "plain",
    file: "big",
    fileBytes: 0,
    connections: 1,
    count: 0,
    depth: 1,
    size: 0,
    seconds: 0,
    isCeiling: subject.name === "ceiling",
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
}

const SAMPLE_MS = 25;

/** Samples anonymous memory until `done` settles; the server's processes are those of the beginning. */
async function peakDuring(pid: number, done: Promise<unknown>): Promise<number> {
  let isDone = false;
  void done.catch(() => undefined).then(() => (isDone = true));
  const pids = processTree(pid);
  let peak = 0;
  while (!isDone) {
    peak = Math.max(peak, anonymousKib(pids));
    await Bun.sleep(SAMPLE_MS);
  }
  return peak;
}

/** Runs one job of the raw client. */
export async function runJob(bench: Bench, subject: Subject, options: JobOptions): Promise<Measured> {
  const client = new Client(bench, subject, options);
  await client.nextLine();
  const before = cpuSeconds(subject.pid);
  client.go();
  const line = client.nextLine();
  const peakAnonymousKib = await peakDuring(subject.pid, line);
  const result = JSON.parse(await line) as JobResult;
  const measured = { ...result, cpuSeconds: cpuSeconds(subject.pid) - before, peakAnonymousKib };
  await client.end();
  return measured;
}

/** Logs on `connections` clients that do nothing. Returns a function that closes them. */
export async function holdConnections(
  bench: Bench,
  subject: Subject,
  connections: number,
): Promise<() => Promise<void>> {
  const client = new Client(bench, subject, { kind: "idle", connections });
  await client.nextLine();
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

/** Runs the command in as many smbclients as there are commands at the same time. */
export async function runSmbclients(
  subject: Subject,
  protection: ProtectionName,
  commands: readonly string[],
): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
  const { protection: kind, option } = SMBCLIENT[protection];
  const place = { port: subject.port, users: [TESTER] };
  const options = option === undefined ? [] : [`--option=${option}`];
  const common = [`//${subject.host}/${SHARE}`, ...connectionWords(place, { protection: kind }), ...options];
  const before = cpuSeconds(subject.pid);
  const start = performance.now();
  const results = await Promise.all(commands.map((each) => runProgram(["smbclient", ...common, "-c", each])));
  const seconds = (performance.now() - start) / 1000;
  for (const { status, output } of results)
    if (status !== 0 || output.includes("NT_STATUS"))
      throw new Error(`${subject.name}, smbclient: ${output}`);
  // The time of smbd's process for a connection is counted once its parent has reaped it.
  await Bun.sleep(100);
  return { seconds, cpuSeconds: cpuSeconds(subject.pid) - before };
}
