// Runs Debian's smbclient(1) against a server under test.
import type { TestServer, User } from "../../peer/test-server.ts";
import { SampleDigest } from "./sample-files.ts";

export const DIALECTS = ["SMB2_02", "SMB2_10", "SMB3_00", "SMB3_02", "SMB3_11"] as const;
export type DialectName = (typeof DIALECTS)[number];

export type ClientProtection = "off" | "sign" | "encrypt";

export interface SmbclientOptions {
  readonly dialect?: DialectName;
  readonly protection?: ClientProtection;
  readonly user?: User;
  /** Default: `test`. */
  readonly share?: string;
  /** The client's working directory. */
  readonly cwd?: string;
}

export interface ProgramResult {
  readonly status: number | null;
  /** Standard output followed by standard error. */
  readonly output: string;
}

export function hasSmbclient(): boolean {
  return Bun.which("smbclient") !== null;
}

/** Runs a program and waits until it exits. */
export async function runProgram(command: readonly string[], cwd?: string): Promise<ProgramResult> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status: child.exitCode, output: out + err };
}

/** Command-line options of smbclient and rpcclient for port, dialect, protection and user. */
export function connectionWords(
  server: Pick<TestServer, "port" | "users">,
  options: SmbclientOptions,
): string[] {
  const dialect = options.dialect ?? "SMB3_11";
  const user = options.user ?? server.users[0];
  return [
    "--configfile=/dev/null",
    `--port=${server.port}`,
    `--max-protocol=${dialect}`,
    `--option=client min protocol=${dialect}`,
    "--option=name resolve order=host",
    "--use-kerberos=off",
    `--client-protection=${options.protection ?? "sign"}`,
    `--user=${user?.user}%${user?.password}`,
  ];
}

/** Runs smbclient with `-c` and the commands. */
export function runSmbclient(
  server: TestServer,
  commands: readonly string[],
  options: SmbclientOptions = {},
): Promise<ProgramResult> {
  const share = `//${server.host}/${options.share ?? "test"}`;
  const words = ["smbclient", share, ...connectionWords(server, options), "-c", commands.join("; ")];
  return runProgram(words, options.cwd);
}

/** As `runSmbclient`; returns the output. Throws if the exit status is not 0 or the output has NT_STATUS_. */
export async function demandSmbclient(
  server: TestServer,
  commands: readonly string[],
  options: SmbclientOptions = {},
): Promise<string> {
  const { status, output } = await runSmbclient(server, commands, options);
  if (status !== 0 || output.includes("NT_STATUS_"))
    throw new Error(`smbclient failed, exit status ${status}:\n${output}`);
  return output;
}

/** As `digestSamples`, for a file downloaded by `get` to standard output: nothing is stored. */
export async function digestDownload(
  server: TestServer,
  name: string,
  size: number,
  options: SmbclientOptions = {},
): Promise<string> {
  const share = `//${server.host}/${options.share ?? "test"}`;
  const child = Bun.spawn(
    ["smbclient", share, ...connectionWords(server, options), "-c", `get "${name}" -`],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  const digest = new SampleDigest(size);
  for await (const chunk of child.stdout) digest.update(chunk);
  return digest.finish();
}

export function listShares(server: TestServer, options: SmbclientOptions = {}): Promise<ProgramResult> {
  return runProgram(["smbclient", "-L", `//${server.host}`, ...connectionWords(server, options)]);
}
