// The NetBIOS name service between two networks of the test's own: the neighbours are Samba's nmblookup and nmap's nbstat.
import { expect, test } from "bun:test";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const canRun = canMakeNetworks && Bun.which("nmblookup") !== null && Bun.which("nmap") !== null;
const made = useNetworks(canRun);
const ON = ["-o", "netbios name service = yes", "-o", "workgroup = HOME"];

const lookUp = (...words: string[]) =>
  made().startThere("nmblookup", "--configfile=/dev/null", "-B", "10.88.0.255", ...words);
/** The names are claimed within a second of the start. */
const startOwner = async () => {
  const server = made().startServer(...ON);
  await server.lines.see("ready on port 445");
  await Bun.sleep(2000);
  return server;
};

test.skipIf(!canRun)("a neighbour finds the server and its workgroup, and reads its names", async () => {
  await startOwner();
  await lookUp("box").lines.see("10.88.0.1 box<00>");
  await lookUp("BOX#20").lines.see("10.88.0.1 BOX<20>");
  await lookUp("HOME").lines.see("10.88.0.1 HOME<00>");
  const { lines } = made().startThere("nmblookup", "--configfile=/dev/null", "-A", "10.88.0.1");
  await lines.see(/BOX +<00> - +B <ACTIVE>/);
  await lines.see(/BOX +<20> - +B <ACTIVE>/);
  await lines.see(/HOME +<00> - <GROUP> B <ACTIVE>/);
  const nmap = made().startThere("nmap", "-sU", "-p137", "-n", "-Pn", "--script", "nbstat", "10.88.0.1");
  await nmap.lines.see("NetBIOS name: BOX");
});

test.skipIf(!canRun)("names that are not the server's are not answered for", async () => {
  await startOwner();
  await lookUp("BOXES").lines.see("failed to find name BOXES");
  await lookUp("BOX#1d").lines.see("failed to find name BOX");
});

test.skipIf(!canRun)("of two servers of one name the second does not answer, and says so", async () => {
  const first = await startOwner();
  const second = made().startServerThere(...ON);
  await second.lines.see(
    "another machine on eth0 has the NetBIOS name 'BOX', so the server does not answer for it there",
  );
  await Bun.sleep(1500);
  const { lines } = made().startHere("nmblookup", "--configfile=/dev/null", "-A", "10.88.0.2");
  // The workgroup is a name of both.
  await lines.see(/HOME +<00> - <GROUP>/);
  expect(lines.text).not.toContain("BOX ");
  expect(first.lines.text).not.toContain("another machine on eth0");
});

test.skipIf(!canRun)("without the parameter, or beside nmbd, nothing is answered", async () => {
  const server = made().startServer();
  await server.lines.see("ready on port 445");
  const { lines } = lookUp("BOX");
  await lines.see("failed to find name BOX");
  const listen = "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',137));";
  const nmbd = made().startHere("python3", "-c", `${listen} print('listening', flush=True); time.sleep(60)`);
  await nmbd.lines.see("listening");
  const beside = made().startServer("-p", "4451", ...ON);
  await beside.lines.see("another program answers the NetBIOS name service here, so the server does not");
});
