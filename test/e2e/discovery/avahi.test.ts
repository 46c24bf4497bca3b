// Beside avahi-daemon: that announces the server by the package's service file, and the server itself does not.
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
const made = useNetworks(canRun);

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
