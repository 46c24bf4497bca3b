// Which mount points are of the system.
import { expect, test } from "bun:test";
import { placeOf } from "../../../src/manager/volumes/places.ts";

const DIRECTORIES = ["/media", "/mnt", "/run/media"];

test.each([
  ["/", "system"],
  ["/boot/firmware", "system"],
  ["/overlay", "system"],
  ["/usr/local", "system"],
  ["/home", "system"],
  ["/var", "system"],
  ["/home/anna", "reserved"],
  ["/var/lib/docker", "reserved"],
  ["/run/user/1000/disk", "reserved"],
  ["/run/media/anna/USB", "plugged"],
  ["/run/minismbd/disks/photos", "plugged"],
  ["/mnt", "plugged"],
  ["/mnt/sda1", "plugged"],
  ["/srv", "elsewhere"],
  ["/srv/disk", "elsewhere"],
  ["/bootleg", "elsewhere"],
  ["/mediation", "elsewhere"],
] as const)("%s is %s", (mountPoint, expected) => {
  expect(placeOf(mountPoint, DIRECTORIES)).toBe(expected);
});

test("of 'volume directories' and the directories of the system the deepest decides", () => {
  expect(placeOf("/var/disks/usb", ["/var/disks"])).toBe("plugged");
  expect(placeOf("/home", ["/home"])).toBe("plugged");
  expect(placeOf("/boot/firmware", ["/"])).toBe("system");
  expect(placeOf("/", ["/"])).toBe("system");
});
