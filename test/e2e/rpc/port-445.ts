// Programs that know port 445 alone, against the server and against smbd. `onBoth` runs this file in a network of its own,
// where the port is free; there it prints what each of the programs has printed.
import { join } from "node:path";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { startServer } from "../client/server.ts";
import { runProgram } from "../client/smbclient.ts";
import { DAEMON, GAMES, normalize } from "./rpc-clients.ts";

export interface BothOutputs {
  readonly minismbd: string;
  readonly smbd: string;
}

export const HOST = "127.0.0.1";
export const canRunOnBoth = hasSmbd() && Bun.which("ip") !== null && Bun.which("unshare") !== null;

/** The outputs of the commands, in their order, with what differs between any two servers replaced. */
export async function onBoth(commands: readonly (readonly string[])[]): Promise<BothOutputs[]> {
  const script = 'ip link set lo up && exec "$@"';
  const inside = [process.execPath, join(import.meta.dir, "port-445.ts"), JSON.stringify(commands)];
  const { output } = await runProgram(["unshare", "--net", "sh", "-c", script, "sh", ...inside]);
  try {
    return JSON.parse(output) as BothOutputs[];
  } catch {
    throw new Error(output);
  }
}

async function run(commands: readonly (readonly string[])[]): Promise<BothOutputs[]> {
  const outputs: Record<"minismbd" | "smbd", string[]> = { minismbd: [], smbd: [] };
  for (const start of [startServer, startSmbd]) {
    const server = await start({ host: HOST, port: 445, users: [DAEMON, GAMES] });
    for (const command of commands) {
      const { output } = await runProgram([...command]);
      outputs[server.name].push(normalize(output, server));
    }
    await server.stop();
  }
  return commands.map((_, i) => ({ minismbd: outputs.minismbd[i] ?? "", smbd: outputs.smbd[i] ?? "" }));
}

if (import.meta.main)
  process.stdout.write(JSON.stringify(await run(JSON.parse(process.argv[2] ?? "[]") as string[][])));
