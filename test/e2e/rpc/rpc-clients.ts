// Samba's and impacket's RPC tools against a server under test.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { hasSmbd } from "../../peer/smbd.ts";
import type { TestServer, User } from "../../peer/test-server.ts";
import { connectionWords, type ProgramResult, runProgram } from "../client/smbclient.ts";

/** Debian's Python: another python3 may come first in PATH and lack the packages. */
export const PYTHON = "/usr/bin/python3";
const IMPACKET = "/usr/share/doc/python3-impacket/examples";

export const hasRpcclient = Bun.which("rpcclient") !== null;
export const hasImpacket =
  existsSync(PYTHON) && Bun.spawnSync([PYTHON, "-c", "import impacket"]).exitCode === 0;
export const hasPeer = hasRpcclient && hasSmbd();

/** Accounts of every Linux, so that smbd's users and ours have the same uids. */
export const DAEMON: User = { user: "daemon", password: "Correct-Horse-9" };
export const GAMES: User = { user: "games", password: "Battery-Staple-7" };

/** Runs `rpcclient -c COMMAND`; `protection` is that of the bind, such as `[seal]`. */
export function runRpcclient(
  server: TestServer,
  command: string,
  options: { readonly user?: User; readonly protection?: string; readonly spnego?: boolean } = {},
): Promise<ProgramResult> {
  const { user, protection = "" } = options;
  const words = connectionWords(server, user === undefined ? {} : { user });
  return runProgram(["rpcclient", ...words, `ncacn_np:${server.host}${protection}`, "-c", command]);
}

/** An example of impacket as `python3 -m`'s script; the package has them compressed on some systems. */
export function impacketExample(name: string): string | undefined {
  const file = `${IMPACKET}/${name}.py`;
  return existsSync(file) ? file : undefined;
}

/** The output with what differs between two servers of one configuration replaced. */
export function normalize(output: string, server: TestServer): string {
  return output
    .replaceAll(/S-1-5-21-\d+-\d+-\d+(?:-\d+)?/g, "MACHINE-SID")
    .replaceAll(/\b(?:PEER|MINISMBD)\b/g, "SERVER")
    .replaceAll(server.directory, "DIRECTORY")
    .replaceAll(/[ \t]+/g, " ")
    .trim();
}

export interface Call {
  readonly command: string;
  readonly answer: RegExp;
  /** Why smbd's answer is another one; absent: it is the same. */
  readonly differs?: string;
}

/** Registers a test for each call of rpcclient: the answer is as expected, and smbd's where it is there. */
export function testCalls(
  calls: readonly Call[],
  server: () => TestServer,
  peer: () => TestServer | undefined,
): void {
  for (const { command, answer, differs } of calls) {
    test(`${command}: ${differs === undefined ? "as smbd" : `not as smbd, because ${differs}`}`, async () => {
      const ours = normalize((await runRpcclient(server(), command)).output, server());
      expect(ours).toMatch(answer);
      const other = peer();
      if (other === undefined || differs !== undefined) return;
      const theirs = await runRpcclient(other, command);
      expect(ours).toBe(normalize(theirs.output, other));
    });
  }
}
