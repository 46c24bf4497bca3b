// Copies by smbclient: each client puts a file of its own, then each gets it back and compares it.
import { join } from "node:path";
import { writeRandomFile } from "../e2e/client/sample-files.ts";
import { connectionWords } from "../e2e/client/smbclient.ts";
import type { TestServer } from "../peer/test-server.ts";
import type { Ground, Load } from "./load.ts";
import { SHARE } from "./root.ts";

const MIB = 1024 * 1024;

/** Runs smbclient in a shell, with `rest` behind it; returns the seconds, or undefined when it failed. */
async function copy(ground: Ground, what: string, command: string, rest: string): Promise<boolean> {
  const server = ground.server as TestServer;
  const words = ["smbclient", `//${server.host}/${SHARE}`, ...connectionWords(server, {}), "-c", command];
  const child = Bun.spawn(["sh", "-c", `"$@" ${rest}`, "sh", ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    cwd: ground.directory,
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  // The first failure is the cause; smbclient writes that of a transfer to stderr, those that follow to stdout.
  const text = `${errors}${output}`;
  const isFine = child.exitCode === 0 && !text.includes("NT_STATUS_");
  if (!isFine)
    ground.fail(`${what}: ${/NT_STATUS_\w+/.exec(text)?.[0] ?? (text.trim().slice(-200) || "differs")}`);
  return isFine;
}

export function copies(count: (ground: Ground) => number, mib: number, quickMib: number): Load["run"] {
  return async (ground) => {
    const clients = count(ground);
    const size = ground.isQuick ? quickMib : mib;
    writeRandomFile(join(ground.directory, "sample"), size * MIB);
    const all = (one: (index: number) => Promise<boolean>) =>
      Promise.all(Array.from({ length: clients }, (_, index) => one(index)));
    const start = performance.now();
    await all((index) => copy(ground, `put ${index}`, `put sample copy-${index}`, ""));
    const middle = performance.now();
    await all((index) => copy(ground, `get ${index}`, `get copy-${index} -`, "| cmp - sample"));
    const end = performance.now();
    await all((index) => copy(ground, `delete ${index}`, `del copy-${index}`, ""));
    const rate = (ms: number): string => `${((clients * size * 1000) / ms).toFixed(1)} MiB/s`;
    return `${clients} × ${size} MiB: put ${rate(middle - start)}, get ${rate(end - middle)}`;
  };
}
