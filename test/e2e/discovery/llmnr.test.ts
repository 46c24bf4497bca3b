// LLMNR between two networks of the test's own: the neighbour is nmap's llmnr-resolve, which asks as Windows does.
import { expect, test } from "bun:test";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const canRun = canMakeNetworks && Bun.which("nmap") !== null;
const made = useNetworks(canRun);

const resolve = (name: string) => {
  const words = `llmnr-resolve.hostname=${name},llmnr-resolve.timeout=3`;
  return made().startThere("nmap", "-e", "eth0", "--script", "llmnr-resolve", "--script-args", words);
};

test.skipIf(!canRun)("a neighbour resolves the server's name, whatever its case, and no other", async () => {
  await made().startServer().lines.see("ready on port 445");
  await Bun.sleep(1500);
  await resolve("box").lines.see("BOX : 10.88.0.1");
  const other = resolve("boxes");
  await other.lines.see("Nmap done");
  expect(other.lines.text).not.toContain("10.88.0.1");
});

test.skipIf(!canRun)("of two servers of one name the second does not answer, and says so", async () => {
  const first = made().startServer();
  await first.lines.see("ready on port 445");
  await Bun.sleep(1500);
  const second = made().startServerThere();
  await second.lines.see("another machine on eth0 has the name 'BOX', so LLMNR does not answer for it there");
  expect(first.lines.text).not.toContain("another machine on eth0");
  // Asked from either side, it is the first.
  await resolve("box").lines.see("BOX : 10.88.0.1");
});

test.skipIf(!canRun)(
  "with the parameter off, on another port, or beside another responder nothing is answered",
  async () => {
    await made().startServer("-o", "llmnr = no").lines.see("ready on port 445");
    await made().startServer("-p", "4450").lines.see("ready on port 4450");
    const listen =
      "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',5355));";
    const other = made().startHere(
      "python3",
      "-c",
      `${listen} print('listening', flush=True); time.sleep(60)`,
    );
    await other.lines.see("listening");
    const beside = made().startServer("-p", "4451", "-o", "llmnr = yes");
    await beside.lines.see("another program answers LLMNR here, so the server does not");
    const { lines } = resolve("box");
    await lines.see("Nmap done");
    expect(lines.text).not.toContain("10.88.0.1");
  },
);
