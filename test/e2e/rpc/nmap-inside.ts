// Runs inside a network of its own, where port 445 is free: nmap's scripts against the server and against smbd. Prints
// a JSON object with the output for each.
import { startSmbd } from "../../peer/smbd.ts";
import { startServer } from "../client/server.ts";
import { runProgram } from "../client/smbclient.ts";
import { DAEMON } from "./rpc-clients.ts";

const [scripts = ""] = process.argv.slice(2);
const outputs: Record<string, string> = {};
for (const start of [startServer, startSmbd]) {
  const server = await start({ host: "127.0.0.1", port: 445, users: [DAEMON] });
  const account = `smbusername=${DAEMON.user},smbpassword=${DAEMON.password}`;
  const words = ["-Pn", "-n", "-sT", "-p445", "--script", scripts, "--script-args", account, server.host];
  outputs[server.name] = (await runProgram(["nmap", ...words])).output;
  await server.stop();
}
process.stdout.write(JSON.stringify(outputs));
