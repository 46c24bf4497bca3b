// Disks that somebody plugs in to do harm: hostile labels and mount points, equal labels, one that comes and goes all
// the time, and hundreds at once. Clients of another share copy at full speed meanwhile.
import { afterEach, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { TESTER } from "../../peer/test-server.ts";
import { closeFile, createFile, mountShare, openFile, writeFile } from "../client/raw-files.ts";
import { canPlugDisks, VolumesRig } from "../client/volumes-rig.ts";

const BLOCK = new Uint8Array(65_536).fill(0x33);
/** Of a client of another share, on a machine that is busy with tests. */
const MAX_WAIT_MS = 1_000;

let rig: VolumesRig | undefined;
afterEach(async () => {
  await rig?.stop();
  rig = undefined;
});

/** Writes to a share until it is ended. */
class Copy {
  slowestMs = 0;
  blocks = 0;
  private isEnded = false;
  private readonly done: Promise<void>;

  constructor(box: VolumesRig, share: string) {
    this.done = this.write(box, share);
  }

  private async write(box: VolumesRig, share: string): Promise<void> {
    const mount = await mountShare(box.server, TESTER, share);
    const file = await createFile(mount, "copy");
    for (; !this.isEnded; this.blocks++) {
      const startMs = performance.now();
      await writeFile(mount, file, (this.blocks % 64) * BLOCK.length, BLOCK);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
    }
    await closeFile(mount, file);
    mount.client.close();
  }

  /** Throws where a write failed. */
  async end(): Promise<void> {
    this.isEnded = true;
    await this.done;
  }
}

/** ksmbd.volumes of the server. */
function namesFile(box: VolumesRig): string {
  return join(box.server.directory, "ksmbd.volumes");
}

test.skipIf(!canPlugDisks)(
  "two disks with one label get two names, each its own again after a restart in the other order",
  async () => {
    const box = (rig = await VolumesRig.start());
    const one = box.make("one", { label: "USB", uuid: "11111111-1111-4111-8111-111111111111" });
    const two = box.make("two", { label: "USB", uuid: "22222222-2222-4222-8222-222222222222" });
    for (const disk of [one, two]) {
      box.plug(disk);
      box.inside(["touch", join(disk.path, disk === one ? "first" : "second")]);
      await box.awaitShare(disk === one ? "USB" : "USB 2");
    }
    const wait = performance.now() + 20_000;
    while (!existsSync(namesFile(box)) && performance.now() < wait) await Bun.sleep(50);
    expect(readFileSync(namesFile(box), "utf8")).toContain(
      "11111111-1111-4111-8111-111111111111 USB\n22222222-2222-4222-8222-222222222222 USB 2\n",
    );
    for (const disk of [one, two]) box.pull(disk);
    await box.awaitShare("USB", false);
    await box.awaitShare("USB 2", false);
    box.plug(two);
    await box.awaitShare("USB 2");
    expect(await box.shares()).toEqual(["USB 2"]);
    const mount = await mountShare(box.server, TESTER, "USB 2");
    await closeFile(mount, (await openFile(mount, "second")).fileId);
    mount.client.close();
  },
  60_000,
);

test.skipIf(!canPlugDisks)(
  "labels with control characters, paths and reserved names, and mount points with any byte, get shares that work",
  async () => {
    const box = (rig = await VolumesRig.start({ "valid users": "%U" }));
    const labels = ["../../x", "a\nb\u001b[2J", "global", "IPC$", "%U", "\u202etxt", "x".repeat(16), "ä/ö"];
    const disks = labels.map((label, at) => box.make(`disk${at}`, { label }));
    for (const [at, disk] of disks.entries()) {
      const path = join(
        box.media,
        ["100% %U", "with space", "new\nline", "tab\there", "b\\c", "[x]", "ü", "$(x)"][at] ?? "",
      );
      mkdirSync(path);
      box.plug({ ...disk, path });
    }
    const expected = [
      "U",
      "a_b_[2J".replace("[", "_").replace("__", "_"),
      "disk-IPC",
      "disk-global",
      "txt",
      "x",
      "x".repeat(16),
      "ä_ö",
    ];
    for (const name of expected) await box.awaitShare(name);
    expect(await box.shares()).toEqual(expected.sort());
    for (const name of expected) {
      const mount = await mountShare(box.server, TESTER, name);
      await closeFile(mount, await createFile(mount, "file"));
      mount.client.close();
    }
    expect(box.server.log()).not.toContain("\u001b");
  },
  60_000,
);

test.skipIf(!canPlugDisks)(
  "a disk that comes and goes disturbs no copy on another share, writes nothing to flash and few lines to the log",
  async () => {
    const box = (rig = await VolumesRig.start({}, { shares: [{ name: "other" }] }));
    const disk = box.make("flapping");
    box.plug(disk);
    await box.awaitShare("flapping");
    const wait = performance.now() + 20_000;
    while (!existsSync(namesFile(box)) && performance.now() < wait) await Bun.sleep(50);
    const written = statSync(namesFile(box), { bigint: true }).ctimeNs;
    const copy = new Copy(box, "other");
    for (let count = 0; count < 50; count++) {
      const mount = await mountShare(box.server, TESTER, "flapping");
      await createFile(mount, `file ${count}`);
      box.pull(disk);
      await box.awaitShare("flapping", false);
      mount.client.close();
      box.plug(disk);
      await box.awaitShare("flapping");
    }
    await copy.end();
    expect(copy.slowestMs).toBeLessThan(MAX_WAIT_MS);
    expect(copy.blocks).toBeGreaterThan(50);
    expect(statSync(namesFile(box), { bigint: true }).ctimeNs).toBe(written);
    const lines = box.server
      .log()
      .split("\n")
      .filter((line) => /share \[?flapping/.test(line) && !/DEBUG|debug/.test(line));
    expect(lines.length).toBeLessThan(60);
    // A file on it whose client is there: nothing is kept of all the others.
    expect(box.server.log()).toContain("its disk comes and goes");
  },
  120_000,
);

/** The shares once there are as many. Asked seldom: the answer is long. */
async function sharesOf(box: VolumesRig, count: number): Promise<readonly string[]> {
  for (const end = performance.now() + 20_000; ; await Bun.sleep(200)) {
    const shares = await box.shares();
    if (shares.length === count || performance.now() > end) return shares;
  }
}

const DISKS = 300;
const TINY = 512 * 1024;

test.skipIf(!canPlugDisks)(
  "300 disks at once get a share each, while a copy on another share goes on",
  async () => {
    const box = (rig = await VolumesRig.start({}, { shares: [{ name: "other" }] }));
    const first = box.make("tiny", { label: "USB", bytes: TINY });
    const script: string[] = [];
    for (let at = 0; at < DISKS; at++) {
      const image = join(box.base, `tiny${at}.img`);
      const path = join(box.media, `tiny${at}`);
      copyFileSync(first.image, image);
      mkdirSync(path);
      script.push(`mount -o loop ${image} ${path}`);
    }
    const copy = new Copy(box, "other");
    const child = Bun.spawn(
      ["nsenter", "--mount", "-t", String(box.server.pid), "sh", "-ec", script.join("\n")],
      {
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    expect([await child.exited, await new Response(child.stderr).text()]).toEqual([0, ""]);
    expect(await sharesOf(box, DISKS + 1)).toContain("USB 300");
    const pulled = Bun.spawn(
      ["nsenter", "--mount", "-t", String(box.server.pid), "sh", "-c", `umount -l ${box.media}/*`],
      { stdout: "ignore", stderr: "ignore" },
    );
    await pulled.exited;
    expect(await sharesOf(box, 1)).toEqual(["other"]);
    await copy.end();
    expect(copy.slowestMs).toBeLessThan(MAX_WAIT_MS);
  },
  180_000,
);
