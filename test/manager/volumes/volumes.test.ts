// The shares of disks that come and go: names that stay with the disk, what is written to flash and to the log.
import { expect, test } from "bun:test";
import { NO_FACTS } from "../../../src/manager/volumes/facts-queue.ts";
import { parseKnown } from "../../../src/manager/volumes/known-volumes.ts";
import { MAX_VOLUMES } from "../../../src/manager/volumes/volumes.ts";
import { Box, type Disk } from "./volumes-fixture.ts";

const PHOTOS: Disk = { source: "/dev/sda1", label: "Photos", uuid: "1111-AAAA" };
const MINUTE = 60_000;

test("a disk keeps its name, whichever of two equal labels comes first", async () => {
  const box = new Box();
  const other: Disk = { source: "/dev/sdb1", label: "Photos", uuid: "2222-BBBB" };
  await box.plug(PHOTOS);
  await box.plug(other);
  expect(box.names()).toEqual(["Photos", "Photos 2"]);
  box.pass(MINUTE);
  box.start();
  // The kernel gives the names of devices in the order of plugging.
  await box.plug({ ...other, source: "/dev/sda1" });
  await box.plug({ ...PHOTOS, source: "/dev/sdb1" });
  expect(box.names()).toEqual(["Photos 2", "Photos"]);
});

test("a file of names that cannot be read now is not replaced by one without them", async () => {
  const box = new Box();
  await box.plug(PHOTOS);
  box.pass(MINUTE);
  const before = box.flash;
  box.isFlashReadable = false;
  box.start();
  await box.plug({ source: "/dev/sdb1", label: "Other", uuid: "2222-BBBB" });
  box.pass(2 * MINUTE);
  box.stop();
  expect([box.names(), box.flash]).toEqual([["Photos", "Other"], before]);
  expect(box.log.join()).toContain("/flash cannot be read (EMFILE)");
});

test("the name of a disk that is away is not given to another one", async () => {
  const box = new Box();
  await box.plug(PHOTOS);
  await box.pull(PHOTOS);
  await box.plug({ ...PHOTOS, uuid: "2222-BBBB" });
  expect(box.names()).toEqual(["Photos 2"]);
});

test("a disk whose label was changed gets a new name", async () => {
  const box = new Box();
  await box.plug(PHOTOS);
  await box.pull(PHOTOS);
  await box.plug({ ...PHOTOS, label: "Holidays" });
  expect(box.names()).toEqual(["Holidays"]);
});

test("a copy of a disk with the same UUID is another disk, and does not take the name", async () => {
  const box = new Box();
  await box.plug(PHOTOS);
  await box.plug({ ...PHOTOS, source: "/dev/sdb1" });
  expect(box.names()).toEqual(["Photos", "Photos 2"]);
  expect([...parseKnown(box.flash ?? "")]).toEqual([]);
  box.pass(MINUTE);
  expect([...parseKnown(box.flash ?? "")]).toEqual([["1111-AAAA", "Photos"]]);
});

test("a share of the configuration and a user's home have priority over a label", async () => {
  const box = new Box();
  box.taken.add("photos");
  await box.plug(PHOTOS);
  expect(box.names()).toEqual(["Photos 2"]);
  box.taken.add("photos 2");
  box.volumes.rename();
  expect(box.names()).toEqual(["Photos 3"]);
});

test("a share of the configuration may name its disk; without [volumes] others have none", async () => {
  const box = new Box();
  box.sharesAll = false;
  box.own.set("1111-AAAA", "Family");
  await box.plug({ ...PHOTOS, point: "/data", isRemovable: false });
  await box.plug({ source: "/dev/sdb1", label: "Other", uuid: "2222-BBBB" });
  expect(box.names()).toEqual(["Family"]);
  box.sharesAll = true;
  box.volumes.rename();
  expect(box.names()).toEqual(["Family", "Other"]);
  box.pass(MINUTE);
  expect([...parseKnown(box.flash ?? "")]).toEqual([["2222-BBBB", "Other"]]);
});

test("a disk that has not answered may be one that the configuration names: [volumes] does not share it", async () => {
  const box = new Box();
  box.own.set("1111-AAAA", "Family");
  box.answer = () => Promise.resolve(NO_FACTS);
  await box.plug(PHOTOS);
  expect(box.names()).toEqual([]);
  expect(box.log.join()).toContain("/dev/sda1 at /media/sda1 does not say which one it is");
  // A reload asks it again.
  box.answer = (facts) => Promise.resolve(facts);
  box.volumes.rename();
  await box.look();
  expect(box.names()).toEqual(["Family"]);
});

test("a disk with a share of the configuration gets no other one", async () => {
  const box = new Box();
  box.shared.add(PHOTOS.source);
  await box.plug(PHOTOS);
  expect(box.names()).toEqual([]);
  box.shared.clear();
  await box.look();
  expect(box.names()).toEqual(["Photos"]);
});

test("a disk that is pulled out and still in the mount table has no share", async () => {
  const box = new Box();
  await box.plug(PHOTOS);
  box.unplugged.add(PHOTOS.source);
  await box.look();
  expect(box.names()).toEqual([]);
  box.unplugged.clear();
  await box.look();
  expect(box.names()).toEqual(["Photos"]);
});

test("a disk of the system gets a share only where its directory says so", async () => {
  const box = new Box();
  await box.plug({ source: "/dev/sda3", label: "Data", uuid: "3", point: "/data", isRemovable: false });
  expect(box.names()).toEqual([]);
  await box.plug({ source: "/dev/sdb3", label: "Data", uuid: "4", point: "/data2", isRemovable: true });
  await box.plug({ source: "/dev/sdc3", label: "More", uuid: "5", point: "/media/x", isRemovable: false });
  expect(box.names()).toEqual(["Data", "More"]);
});

test("a disk that is gone before it has answered gets no share", async () => {
  const box = new Box();
  const { promise, resolve } = Promise.withResolvers<void>();
  box.answer = (facts) => promise.then(() => facts);
  const plugged = box.plug(PHOTOS);
  await box.pull(PHOTOS);
  resolve();
  await plugged;
  expect([box.names(), box.log]).toEqual([[], []]);
});

test("50 times plugging and 24 hours write nothing to flash once the disk is known", async () => {
  const box = new Box();
  await box.plug(PHOTOS);
  await box.plug({ source: "/dev/sdb1", label: "Photos", uuid: "2222-BBBB" });
  box.pass(MINUTE);
  expect(box.writes).toBe(1);
  for (let count = 0; count < 50; count++) {
    await box.pull(PHOTOS);
    box.pass(1000);
    await box.plug(PHOTOS);
    box.pass(1000);
    if (count % 10 === 0) box.volumes.rename();
  }
  for (let hour = 0; hour < 24; hour++) {
    box.pass(60 * MINUTE);
    await box.look();
  }
  box.stop();
  expect([box.writes, box.timerCount]).toEqual([1, 0]);
  expect(box.names().sort()).toEqual(["Photos", "Photos 2"]);
});

test("a device that shows another UUID each second writes once a minute, and its names are bounded", async () => {
  const box = new Box();
  for (let second = 0; second < 3600; second++) {
    const disk = { ...PHOTOS, uuid: `${second}-AAAA` };
    await box.plug(disk);
    await box.pull(disk);
    box.pass(1000);
  }
  expect(box.writes).toBeLessThanOrEqual(61);
  expect(parseKnown(box.flash ?? "").size).toBeLessThanOrEqual(512);
});

test("a disk that comes and goes each second for a day gets a few log lines, and its share each time", async () => {
  const box = new Box();
  for (let second = 0; second < 86_400; second += 2) {
    await box.plug(PHOTOS);
    expect(box.volumes.all.length).toBe(1);
    box.pass(1000);
    await box.pull(PHOTOS);
    box.pass(1000);
  }
  expect([box.writes, box.log.length]).toEqual([1, 7]);
  expect(box.log.at(-1)).toContain("share [Photos]: its disk comes and goes");
  box.pass(2 * MINUTE);
  await box.plug(PHOTOS);
  expect(box.log.length).toBe(8);
});

test("300 disks get 300 names; beyond the limit the others are left out with one line", async () => {
  const box = new Box();
  for (let at = 0; at < 300; at++) await box.plug({ source: `/dev/d${at}`, label: "USB", uuid: `${at}` });
  expect(new Set(box.names()).size).toBe(300);
  for (let at = 300; at < MAX_VOLUMES + 20; at++)
    await box.plug({ source: `/dev/d${at}`, label: "USB", uuid: `${at}` });
  expect(box.volumes.all.length).toBe(MAX_VOLUMES);
  expect(box.log.filter((line) => line.startsWith("more than")).length).toBe(1);
});

test("a file of names that is damaged or hostile is read as far as it makes sense", () => {
  const text = "# heading\n1-A Photos\n\u0000\u0001\n2-B ../x\n3-C \n4-D a/b\n5-E [x]\nno name\n6-F Füße 2\n";
  expect([...parseKnown(text)]).toEqual([
    ["1-A", "Photos"],
    ["no", "name"],
    ["6-F", "Füße 2"],
  ]);
});
