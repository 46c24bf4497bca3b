// `minismbd web-process`: the server starts it for `web port`; nobody else does.
import { fstatSync } from "node:fs";
import { LINK_FD } from "../manager/web/link-messages.ts";
import { runWebProcess } from "../manager/web/server/web-process.ts";
import { CliError } from "./arguments.ts";

export async function run(): Promise<number> {
  if (!isSocket(LINK_FD)) throw new CliError("web-process is started by the server, set 'web port'");
  return runWebProcess();
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
