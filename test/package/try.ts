// `npm run try-package`: the Debian packages in a clean Debian under a real systemd, as people use them: installed, shared,
// reloaded, crashed, upgraded, purged. Needs root on x86-64 Debian. Options: --suite bookworm|trixie, --keep;
// --arch arm64 for a root under qemu's user emulation, which has no systemd (foreign.sh).
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  DEB_TARGETS,
  type DebArchitecture,
  packDeb,
  packToolsDeb,
  type Release,
} from "../../board/debian/deb.ts";
import { makeDebian } from "../fresh/bare-root.ts";
import { runChecked } from "../fresh/command.ts";
import { check, expectStatus, failedChecks, waitFor } from "./checks.ts";
import { tryDisks } from "./disks.ts";
import { makeForeignDebian, tryForeign } from "./foreign.ts";
import { Machine, type Outcome } from "./machine.ts";

const ROOT = join(import.meta.dir, "../..");
const PACKAGES = "/var/tmp/packages";
const SHARE = `[docs]
	path = /srv/docs
	read only = no
	valid users = anna
	force user = minismbd
`;

const { values: options } = parseArgs({
  options: {
    suite: { type: "string", default: "bookworm" },
    arch: { type: "string", default: "amd64" },
    keep: { type: "boolean", default: false },
  },
});

function connectAs(machine: Machine, password: string, commands: string): Outcome {
  const client = ["smbclient", "--configfile=/dev/null", "//127.0.0.1/docs", "-U", `anna%${password}`];
  return machine.connect([...client, "-c", commands]);
}

/** The packages of this checkout, and the same once more as an upgrade. */
function makePackages(output: string, architecture: DebArchitecture): void {
  const target = DEB_TARGETS[architecture];
  runChecked([process.execPath, join(ROOT, "build.ts"), "--target", target]);
  mkdirSync(output, { recursive: true });
  const release: Release = {
    root: ROOT,
    version: "0.0.1",
    revision: "1",
    time: 1_700_000_000,
    compression: "gzip",
  };
  const executable = join(ROOT, `dist/minismbd-${target}`);
  renameSync(packDeb(release, architecture, executable, output), join(output, "first.deb"));
  const next = { ...release, revision: "2" };
  renameSync(packDeb(next, architecture, executable, output), join(output, "second.deb"));
  renameSync(packToolsDeb(release, output), join(output, "tools.deb"));
}

const show = (machine: Machine, property: string): string =>
  machine.run(`systemctl show minismbd --property=${property} --value`).out.trim();

function install(machine: Machine): void {
  expectStatus("the package installs", machine.run(`dpkg --install ${PACKAGES}/first.deb`), 0);
  check(
    "it runs at once, and at each boot",
    show(machine, "ActiveState") === "active",
    show(machine, "ActiveState"),
  );
  expectStatus("it is enabled", machine.run("systemctl is-enabled minismbd"), 0, "enabled");
  check(
    "systemd shows what it does",
    show(machine, "StatusText").startsWith("serving 0 shares"),
    show(machine, "StatusText"),
  );
  const guest = machine.connect(["smbclient", "--configfile=/dev/null", "-N", "-L", "127.0.0.1"]);
  check("nobody gets in without a user", guest.status !== 0 || !/Disk/.test(guest.out), guest.out);
}

/** As in an image: the units of the first start are enabled there. */
async function firstStart(machine: Machine): Promise<void> {
  const notice = "/boot/firmware/minismbd.txt";
  machine.run("mkdir -p /boot/firmware");
  machine.run(
    `echo "MINISMBD_SETUP_OPTIONS=--directory files=/srv/files --notice ${notice}" >/etc/default/minismbd`,
  );
  const units = "minismbd-setup.service minismbd-setup.path";
  expectStatus("the first start runs", machine.run(`systemctl enable --now ${units}`), 0);
  const { out } = machine.run(`cat ${notice}`);
  const password = /Password: (\S+)/.exec(out)?.[1] ?? "";
  check("the password is on the boot partition", password !== "", out);
  check("and not in the journal", !machine.run("journalctl --no-pager").out.includes(password), "it is");
  const client = ["smbclient", "--configfile=/dev/null", "//127.0.0.1/files", "-U", `smb%${password}`];
  expectStatus("its user writes", machine.connect([...client, "-c", "put /etc/services s; ls"]), 0, " s ");
  await waitFor(() => machine.run(`test -e ${notice}`).status !== 0);
  check("after that it is there no longer", machine.run(`test -e ${notice}`).status !== 0, out);
  const { out: left } = machine.run("cat /etc/ksmbd/ksmbd.setup-done; ls /etc/ksmbd");
  check("nor on the machine", left.includes("setup-done") && !left.includes(password), left);
  machine.run("rm -r /boot/firmware /srv/files /etc/default/minismbd; minismbd deluser smb");
}

function share(machine: Machine): void {
  machine.run(`install -d -o minismbd /srv/docs && printf '${SHARE}' >>/etc/ksmbd/ksmbd.conf`);
  expectStatus("a user is added", machine.run("minismbd adduser --password secret12 anna"), 0, "added");
  expectStatus("a reload brings the share", machine.run("systemctl reload minismbd"), 0);
  const put = connectAs(machine, "secret12", "put /etc/services services; ls");
  expectStatus("a client writes", put, 0, "services");
  const wanted = Bun.hash(readFileSync("/etc/services")).toString();
  const file = join(tmpdir(), `minismbd-try-${process.pid}`);
  expectStatus("and reads", connectAs(machine, "secret12", `get services ${file}`), 0);
  check("the same bytes", Bun.hash(readFileSync(file)).toString() === wanted, "other bytes");
  rmSync(file, { force: true });
  expectStatus("status answers", machine.run("minismbd status"), 0, "port 445");
  const words = ["smbpasswd", "-c", "/dev/null", "-s", "-r", "127.0.0.1", "-U", "anna"];
  expectStatus("a user changes her password", machine.connect(words, "secret12\nsecret34\nsecret34\n"), 0);
  expectStatus("the new one is valid", connectAs(machine, "secret34", "ls"), 0, "services");
  machine.run("minismbd passwd --password secret12 anna");
}

/** The web page under the unit's own confinement. */
function page(machine: Machine): void {
  machine.run(
    "sed -i 's/^\\[global\\]/&\\n\\tweb port = 8443\\n\\tweb admin users = anna/' /etc/ksmbd/ksmbd.conf",
  );
  expectStatus("a reload brings the web page", machine.run("systemctl reload minismbd"), 0);
  // It opens a moment after the reload.
  const patience = ["--max-time", "60", "--retry", "60", "--retry-connrefused", "--retry-delay", "1"];
  const curl = ["curl", "--silent", "--show-error", "--insecure", ...patience];
  const url = "https://127.0.0.1:8443";
  expectStatus("it answers by TLS", machine.connect([...curl, `${url}/`]), 0, "<title>minismbd</title>");
  const user = JSON.stringify({ user: "anna", password: "secret12" });
  const logOn = machine.connect([...curl, "--json", user, `${url}/api/v1/session`]);
  expectStatus("its administrator logs on", logOn, 0, '"csrf"');
  const own = machine.run("id -u minismbd-web").out.trim();
  const pid = show(machine, "MainPID");
  const { out } = machine.run(`cat /proc/$(cut -d' ' -f1 /proc/${pid}/task/${pid}/children)/status`);
  const status = out.replaceAll("\t", " ");
  check(
    "its process has the ids of its account",
    status.includes(`Uid: ${own} ${own} ${own} ${own}`),
    status,
  );
  check("no capabilities", status.includes("CapPrm: 0000000000000000"), status);
  check("gains no rights by a program", status.includes("NoNewPrivs: 1"), status);
  check("and has its system calls filtered", status.includes("Seccomp: 2"), status);
  const journal = machine.run("journalctl --no-pager -u minismbd").out;
  check("nothing is missing for that", !/seccomp|cannot be started|process is gone/.test(journal), journal);
}

async function fail(machine: Machine): Promise<void> {
  machine.run("sed -i 's/^.workgroup = .*/\\tserver signing = sometimes/' /etc/ksmbd/ksmbd.conf");
  expectStatus("a reload of a wrong configuration fails", machine.run("systemctl reload minismbd"), 1);
  check("and says why", show(machine, "StatusText").includes("sometimes"), show(machine, "StatusText"));
  expectStatus("clients notice nothing", connectAs(machine, "secret12", "ls"), 0, "services");
  machine.run("sed -i '/sometimes/d' /etc/ksmbd/ksmbd.conf");
  expectStatus("a reload of the mended one succeeds", machine.run("systemctl reload minismbd"), 0);
  machine.run("kill -KILL $(systemctl show minismbd --property=MainPID --value)");
  await waitFor(() => show(machine, "NRestarts") === "1" && show(machine, "ActiveState") === "active");
  expectStatus("it comes back after a crash", connectAs(machine, "secret12", "ls"), 0, "services");
  machine.run(
    "mkdir -p /run/systemd/system/minismbd.service.d && " +
      "printf '[Service]\\nWatchdogSec=4\\n' >/run/systemd/system/minismbd.service.d/try.conf && " +
      "systemctl daemon-reload && systemctl restart minismbd",
  );
  await Bun.sleep(9_000);
  check("a watchdog of 4 s leaves it alone", show(machine, "NRestarts") === "0", show(machine, "NRestarts"));
  machine.run("kill -STOP $(systemctl show minismbd --property=MainPID --value)");
  await waitFor(() => show(machine, "NRestarts") === "1" && show(machine, "ActiveState") === "active");
  expectStatus("and brings it back when it hangs", connectAs(machine, "secret12", "ls"), 0, "services");
  // On a busy machine 4 s are short.
  machine.run(
    "rm -r /run/systemd/system/minismbd.service.d && systemctl daemon-reload && systemctl restart minismbd",
  );
}

/** Connects every 5 ms until its input ends, and says how often it was refused. */
const CONNECT = `
import select, socket, sys
count = refused = 0
while not select.select([sys.stdin], [], [], 0.005)[0]:
    count += 1
    try:
        socket.create_connection(("127.0.0.1", 445), 10).close()
    except OSError:
        refused += 1
print(f"{refused} refused of {'many' if count > 20 else count}")
`;

async function upgrade(machine: Machine): Promise<void> {
  // The disks that have just been plugged in are remembered some seconds later.
  const sums = "find /etc/ksmbd -type f ! -name ksmbd.volumes -exec md5sum {} + | sort";
  const query = ["rpcclient", "--configfile=/dev/null", "127.0.0.1", "-U", "anna%secret12", "-c", "lsaquery"];
  machine.connect(query);
  const before = machine.run(sums).out;
  check("the machine has a SID", before.includes("ksmbd.subauth"), before);
  const connecting = machine.start(["python3", "-c", CONNECT]);
  const copying = machine.start([process.execPath, join(ROOT, "test/package/durable-copy.ts")]);
  const output = copying.stdout.getReader();
  await output.read();
  expectStatus("the upgrade installs", machine.run(`dpkg --install ${PACKAGES}/second.deb`), 0);
  const after = machine.run(sums).out;
  check(
    "configuration, users and SID are the same",
    after === before,
    `${before}after the upgrade:\n${after}`,
  );
  await connecting.stdin.end();
  const refused = await new Response(connecting.stdout).text();
  check("no client was refused meanwhile", refused === "0 refused of many\n", refused);
  await copying.stdin.end();
  const outcome = new TextDecoder().decode((await output.read()).value);
  check(
    "a client with a durable handle has copied 1 GiB meanwhile",
    (await copying.exited) === 0 && outcome === "1024 MiB, 1 reconnect\n",
    outcome,
  );
  expectStatus("and it serves", connectAs(machine, "secret12", "ls"), 0, "services");
  expectStatus("ksmbd's names install", machine.run(`dpkg --install ${PACKAGES}/tools.deb`), 0);
  expectStatus("ksmbd.mountd tells its version", machine.run("ksmbd.mountd -V"), 0, /version : \S+/);
}

function purge(machine: Machine): void {
  expectStatus("both are purged", machine.run("apt-get purge -y minismbd minismbd-ksmbd-tools"), 0);
  const found = machine.run(
    "find / -xdev \\( -name '*minismbd*' -o -path '/etc/ksmbd*' -o -path '/run/ksmbd*' \\) -not -path '/proc/*' -not -path '/sys/*' " +
      "-not -path '/var/log/*' -not -path '/run/systemd/system/minismbd.service.d*'",
  ).out;
  check("nothing of them is left", found === "", found);
  expectStatus("the shared files are", machine.run("ls /srv/docs"), 0, "services");
}

/** Where another server is wanted, the package leaves port 445 to it. */
function installBeside(machine: Machine): void {
  machine.run(
    "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' " +
      ">/etc/systemd/system/smbd.service && systemctl daemon-reload && systemctl enable --now smbd",
  );
  machine.run("install -d /etc/ksmbd && echo '; mine' >/etc/ksmbd/ksmbd.conf");
  const out = machine.run(`dpkg --install ${PACKAGES}/first.deb`);
  expectStatus("beside smbd it stays off and says so", out, 0, "smbd.service serves SMB on this machine");
  check("smbd goes on", machine.run("systemctl is-active smbd").status === 0, "smbd was stopped");
  check("it is not active", show(machine, "ActiveState") === "inactive", show(machine, "ActiveState"));
  expectStatus("somebody's configuration stays", machine.run("cat /etc/ksmbd/ksmbd.conf"), 0, "; mine");
  machine.run("apt-get purge -y minismbd");
  expectStatus("also when it is purged", machine.run("cat /etc/ksmbd/ksmbd.conf"), 0, "; mine");
}

async function tryUnderSystemd(root: string): Promise<void> {
  makeDebian(root, options.suite, ["systemd", "systemd-sysv", "dbus"]);
  makePackages(join(root, PACKAGES), "amd64");
  const machine = await Machine.boot(root);
  try {
    install(machine);
    await firstStart(machine);
    share(machine);
    page(machine);
    await fail(machine);
    await tryDisks(machine);
    await upgrade(machine);
    purge(machine);
    installBeside(machine);
  } finally {
    await machine.stop();
  }
}

async function tryUnderQemu(root: string): Promise<void> {
  await makeForeignDebian(root, options.suite);
  makePackages(join(root, "var/tmp"), "arm64");
  check("the checks in the root of the other processor", (await tryForeign(root)) === 0, "see above");
}

const directory = mkdtempSync(join(tmpdir(), "minismbd-package-"));
const root = join(directory, "root");
try {
  await (options.arch === "arm64" ? tryUnderQemu(root) : tryUnderSystemd(root));
} finally {
  if (options.keep) process.stdout.write(`kept: ${root}\n`);
  else rmSync(directory, { recursive: true });
}
const failed = failedChecks();
process.stdout.write(failed === 0 ? "all as it should be\n" : `${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
