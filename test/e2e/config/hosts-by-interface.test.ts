// `interface:NAME` in `hosts allow` and `hosts deny`: a server with two interfaces, and its neighbour on both wires.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../client/server.ts";
import { hasSmbclient } from "../client/smbclient.ts";
import { canMakeNetworks, useNetworks } from "../discovery/networks.ts";

const canRun = canMakeNetworks && hasSmbclient();
const made = useNetworks(canRun);
const [OVER_ETH0, OVER_ETH1] = ["10.88.0.1", "10.99.0.1"];
const REFUSED = "NT_STATUS_ACCESS_DENIED";

const SHARES = `[global]
interfaces = eth0 eth1 eth2 lo
bind interfaces only = no
[user:anna]
password = secret
[inside]
path = DOCS
hosts allow = interface:eth0
[outside]
path = DOCS
hosts deny = interface:eth0
[but]
path = DOCS
hosts allow = ALL EXCEPT interface:eth1
[late]
path = DOCS
hosts allow = interface:eth2
[mistyped]
path = DOCS
hosts deny = interface:eht1
`;

async function startServer(global = "") {
  const networks = made();
  const file = join(networks.directory, "smb.conf");
  const text = SHARES.replaceAll("DOCS", join(networks.directory, "docs"));
  writeFileSync(file, text.replace("[global]", `[global]\n${global}`), { mode: 0o600 });
  writeFileSync(join(networks.directory, "docs", "photo.jpg"), "x");
  await networks.addWire("eth1", "10.99.0.1/24", "10.99.0.2/24");
  const passwords = join(networks.directory, "none.db");
  writeFileSync(passwords, "", { mode: 0o600 });
  const server = networks.startHere(EXECUTABLE, "serve", "-C", file, "-P", passwords);
  await server.lines.see("ready on port 445");
  return server;
}

/** "read", or the status that refuses it. */
async function accessFrom(place: "here" | "there", address: string, share: string): Promise<string> {
  const words = ["smbclient", "--configfile=/dev/null", `//box/${share}`, "-I", address, "-U", "anna%secret"];
  const run = [...words, "-c", "ls"];
  const { child, lines } = place === "here" ? made().startHere(...run) : made().startThere(...run);
  await child.exited;
  await lines.see(/photo\.jpg|NT_STATUS_\w+/);
  return lines.text.includes("photo.jpg") ? "read" : (/NT_STATUS_\w+/.exec(lines.text)?.[0] ?? "");
}

test.skipIf(!canRun)("a share is for the clients of one interface, whatever addresses they use", async () => {
  const { lines } = await startServer();
  expect(lines.text).toContain("'interface:eht1' in 'hosts allow' or 'hosts deny'");
  expect(await accessFrom("there", OVER_ETH0, "inside")).toBe("read");
  expect(await accessFrom("there", OVER_ETH1, "inside")).toBe(REFUSED);
  await lines.see("'hosts allow' and 'hosts deny' leave the address out, over eth1");
  expect(await accessFrom("there", OVER_ETH0, "outside")).toBe(REFUSED);
  expect(await accessFrom("there", OVER_ETH1, "outside")).toBe("read");
  expect(await accessFrom("there", OVER_ETH0, "but")).toBe("read");
  expect(await accessFrom("there", OVER_ETH1, "but")).toBe(REFUSED);
  expect(await accessFrom("there", OVER_ETH0, "mistyped")).toBe(REFUSED);
  // The kernel accepts on eth1 what is sent to the address of eth0.
  const route = made().startThere("ip", "route", "replace", `${OVER_ETH0}/32`, "dev", "eth1");
  expect(await route.child.exited).toBe(0);
  expect(await accessFrom("there", OVER_ETH0, "inside")).toBe(REFUSED);
  expect(await accessFrom("there", OVER_ETH0, "outside")).toBe("read");
});

test.skipIf(!canRun)(
  "link-local addresses, the machine itself, and an interface that comes later",
  async () => {
    await startServer();
    expect(await accessFrom("there", "fe80::1%eth1", "outside")).toBe("read");
    expect(await accessFrom("there", "fe80::1%eth1", "inside")).toBe(REFUSED);
    expect(await accessFrom("here", OVER_ETH0, "inside")).toBe("read");
    expect(await accessFrom("here", OVER_ETH1, "inside")).toBe(REFUSED);
    expect(await accessFrom("here", "127.0.0.1", "inside")).toBe("read");
    expect(await accessFrom("there", OVER_ETH0, "late")).toBe(REFUSED);
    await made().addWire("eth2", "10.77.0.1/24", "10.77.0.2/24");
    let access = "";
    // The address becomes usable, and is listened on, a little later.
    for (let i = 0; i < 100 && access !== "read"; i++)
      access = await accessFrom("there", "10.77.0.1", "late");
    expect(access).toBe("read");
  },
);

test.skipIf(!canRun)("the list of [global] holds for every share and for the web page", async () => {
  const { lines } = await startServer("hosts allow = interface:eth1\nweb port = 8443\nadmin users = anna\n");
  expect(await accessFrom("there", OVER_ETH0, "inside")).toBe(REFUSED);
  expect(await accessFrom("there", OVER_ETH0, "mistyped")).toBe(REFUSED);
  expect(await accessFrom("there", OVER_ETH1, "outside")).toBe("read");
  await lines.see("the web page is at");
  const codes: string[] = [];
  for (const address of [OVER_ETH0, OVER_ETH1]) {
    const { child, lines: answer } = made().startThere(
      "curl",
      "-sk",
      `https://${address}:8443/api/v1/session`,
    );
    await child.exited;
    await answer.see('"code":');
    codes.push(/"code":"([\w-]+)"/.exec(answer.text)?.[1] ?? "");
  }
  expect(codes).toEqual(["forbidden", "not-logged-on"]);
});
