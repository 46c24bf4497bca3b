// Beside avahi-daemon: that announces the server by the package's service file, and the server itself does not. A
// neighbour with avahi-daemon sees what the server announces.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SEARCH_PATH } from "../../tools.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const AVAHI = Bun.which("avahi-daemon", { PATH: SEARCH_PATH });
const SERVICE = join(import.meta.dir, "../../../board/avahi/minismbd.service");
const canRun =
  canMakeNetworks && AVAHI !== null && existsSync("/usr/lib/python3/dist-packages/zeroconf/__init__.py");
/** A daemon without D-Bus, with its own /run, and this service alone. */
const START = `mount -t tmpfs none /run && mkdir /run/avahi-daemon && mount -t tmpfs none /etc/avahi/services &&
cp "$0" /etc/avahi/services/ && printf '[server]\\nenable-dbus=no\\nhost-name=box\\n' >/run/avahi.conf &&
exec "$1" --no-drop-root --no-chroot -f /run/avahi.conf`;
const made = useNetworks(canMakeNetworks);

test.skipIf(!canRun)("a neighbour finds the server by the machine's name, once", async () => {
  if (AVAHI === null) throw new Error("no avahi-daemon");
  const networks = made();
  const avahi = networks.startHere("unshare", "--mount", "sh", "-c", START, SERVICE, AVAHI);
  await avahi.lines.see("Server startup complete");
  const server = networks.startServer();
  await server.lines.see("another program answers multicast DNS here, so the server does not");
  const python = "/usr/bin/python3";
  const { lines } = networks.startThere(
    python,
    join(import.meta.dir, "neighbour.py"),
    "browse",
    "10.88.0.2",
    "50",
  );
  await lines.see(/^found box box\.local\. 445 10\.88\.0\.1 1$/m);
  await Bun.sleep(2000);
  expect(lines.text.match(/^found/gm)).toHaveLength(1);
});

const canBrowse =
  canMakeNetworks &&
  AVAHI !== null &&
  ["avahi-browse", "dbus-daemon"].every((name) => Bun.which(name, { PATH: SEARCH_PATH }) !== null);
/** avahi-browse asks the daemon by D-Bus; both have a /run of their own. */
const BROWSE = `mount -t tmpfs none /run && mkdir -p /run/dbus /run/avahi-daemon && mount -t tmpfs none /etc/avahi/services &&
printf '[server]\\nhost-name=neighbour\\n' >/run/avahi.conf && dbus-daemon --system --fork &&
"$0" --daemonize --no-drop-root --no-chroot -f /run/avahi.conf && echo browsing && exec avahi-browse -rkp _smb._tcp`;

test.skipIf(!canBrowse)(
  "avahi-browse shows the server with address, port and host, and that it goes",
  async () => {
    if (AVAHI === null) throw new Error("no avahi-daemon");
    const networks = made();
    const { lines } = networks.startThere(
      "unshare",
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      BROWSE,
      AVAHI,
    );
    await lines.see("browsing");
    const server = networks.startServer();
    await lines.see(/^=;eth0;IPv4;BOX;_smb\._tcp;local;\S+\.local;10\.88\.0\.1;445;/m);
    server.child.kill("SIGTERM");
    await lines.see(/^-;eth0;IPv4;BOX;_smb\._tcp;local$/m);
  },
);
