// Runs one smbtorture test in a separate process with a time limit, and parses its report.
// smbtorture(1); its output is the subunit format: `success: name`, `failure: name [` ... `]`.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestServer } from "../peer/test-server.ts";

export type Verdict = "pass" | "fail" | "skip" | "timeout" | "error";

export interface Result {
  readonly test: string;
  readonly verdict: Verdict;
  readonly seconds: number;
  /** The last failure as one line; empty for a pass. */
  readonly message: string;
  readonly output: string;
}

/** Names with a doubled end, which are shortened: `smb2.read.eof.eof` to `smb2.read.eof`. */
const DOUBLED = /^(.+?)\.(.+)\.\2$/;

const RESULT_LINE = /^(success|failure|error|skip)(?:al)?: (.*)$/;

const RANK: Readonly<Record<Verdict, number>> = { pass: 0, skip: 1, fail: 2, error: 3, timeout: 4 };

/** Maps each test name to the name under which smbtorture lists it; empty if smbtorture is not installed. */
export function listTests(): Map<string, string> {
  const done = spawnSync("smbtorture", ["--configfile=/dev/null", "--list"], {
    encoding: "utf8",
    maxBuffer: 1 << 24,
  });
  const names = new Map<string, string>();
  for (const line of (done.stdout ?? "").split("\n")) {
    const listed = line.trim();
    if (!/^(?:smb2|rpc|vfs\.fruit(?:_file_id)?)\./.test(listed)) continue;
    const match = DOUBLED.exec(listed);
    names.set(match ? `${match[1]}.${match[2]}` : listed, listed);
  }
  return names;
}

/** Runs smbtorture with its own configuration and working directory. */
export class Torturer {
  private readonly known: ReadonlyMap<string, string>;
  private readonly directory: string;
  private readonly configuration: string;
  isStopped = false;
  private readonly running = new Set<Bun.Subprocess>();

  constructor(known: ReadonlyMap<string, string>, directory: string) {
    this.known = known;
    this.directory = directory;
    this.configuration = join(directory, "client.conf");
    writeFileSync(this.configuration, clientConfiguration(directory));
  }

  /** Runs one test on a share of a server. */
  async run(test: string, server: TestServer, share: string, limitSeconds: number): Promise<Result> {
    const command = this.commandFor(test, server, share);
    if (command === undefined) {
      return { test, verdict: "error", seconds: 0, message: "this smbtorture has no such test", output: "" };
    }
    const start = performance.now();
    const child = Bun.spawn(command, {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      cwd: this.directory,
    });
    this.running.add(child);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limitSeconds * 1000);
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    clearTimeout(timer);
    this.running.delete(child);
    const output = out + err;
    const seconds = (performance.now() - start) / 1000;
    const judged = judge(output, child.exitCode, child.signalCode === null ? null : String(child.signalCode));
    const verdict = isLate ? "timeout" : judged.verdict;
    const message = isLate ? `over ${limitSeconds} s; ${judged.message}` : judged.message;
    return { test, verdict, seconds, message, output };
  }

  /** Kills the running tests and sets `isStopped`, after which no test should be started. */
  stop(): void {
    this.isStopped = true;
    for (const child of this.running) child.kill("SIGKILL");
  }

  private commandFor(test: string, server: TestServer, share: string): string[] | undefined {
    const listed = this.known.get(test);
    if (listed === undefined) return undefined;
    const { host, port, users } = server;
    const [first, second] = users;
    const command = [
      "smbtorture",
      `//${host}/${share}`,
      `--configfile=${this.configuration}`,
      `--smb-ports=${port}`,
      `--user=${first?.user}%${first?.password}`,
      `--basedir=${this.directory}`,
      "--use-kerberos=off",
      "--option=torture:progress=no",
      `--option=torture:user2name=${second?.user}`,
      `--option=torture:user2password=${second?.password}`,
    ];
    if (listed !== test) return [...command, test];
    // smbtorture runs such tests only as a group; --load-list selects one by its full name.
    const picks = join(this.directory, "picks");
    mkdirSync(picks, { recursive: true });
    const pick = join(picks, String(port));
    writeFileSync(pick, `${listed}\n`);
    return [...command, "--fullname", `--load-list=${pick}`, listed.slice(0, listed.lastIndexOf("."))];
  }
}

function clientConfiguration(directory: string): string {
  const state = ["private dir", "lock directory", "state directory", "cache directory", "pid directory"];
  const lines = [
    "workgroup = WORKGROUP",
    "netbios name = TORTURECLIENT",
    "client min protocol = SMB2_02",
    "client max protocol = SMB3_11",
    "name resolve order = host",
    ...state.map((name) => `${name} = ${directory}`),
    `ncalrpc dir = ${join(directory, "ncalrpc")}`,
  ];
  return `[global]\n${lines.map((line) => `\t${line}\n`).join("")}`;
}

/** Determines the verdict from a test's output. */
function judge(
  output: string,
  exitCode: number | null,
  signal: string | null,
): { verdict: Verdict; message: string } {
  const { verdict, message } = parseReport(output);
  const text = oneLine(message === "" ? lastWords(output) : message);
  if (signal !== null) return { verdict: "error", message: `smbtorture died of ${signal}: ${text}` };
  if (verdict === undefined)
    return { verdict: "error", message: text || `no result, exit status ${exitCode}` };
  if (verdict === "fail" && message.includes("Establishing SMB2 connection failed")) {
    return { verdict: "error", message: text };
  }
  return { verdict, message: verdict === "pass" ? "" : text };
}

function parseReport(output: string): { verdict: Verdict | undefined; message: string } {
  let verdict: Verdict | undefined;
  let message = "";
  let block: string[] | undefined;
  for (const line of output.split("\n")) {
    if (block) {
      if (line !== "]") block.push(line);
      else {
        message = block.join(" ");
        block = undefined;
      }
      continue;
    }
    const match = RESULT_LINE.exec(line);
    if (!match) continue;
    const word = match[1] ?? "";
    const found: Verdict =
      word === "success" ? "pass" : word === "failure" ? "fail" : word === "skip" ? "skip" : "error";
    if (verdict === undefined || RANK[found] > RANK[verdict]) verdict = found;
    if (line.endsWith("[")) block = [];
  }
  return { verdict, message: block && block.length > 0 ? block.join(" ") : message };
}

function lastWords(output: string): string {
  const lines = output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^(?:time|test|progress): /.test(line));
  return lines.at(-1) ?? "";
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").replaceAll("../../source4/torture/", "").trim();
  return line.length <= 300 ? line : `${line.slice(0, 297)}...`;
}
