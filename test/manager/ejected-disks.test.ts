// Disks that were ejected stay refused while the mount table cannot be read.
import { expect, test } from "bun:test";
import { currentMounts, type Mount } from "../../src/linux/mountinfo.ts";
import { EjectedDisks } from "../../src/manager/ejected-disks.ts";

test("an ejected disk stays ejected after the mount table could not be read for a while", () => {
  const mount = currentMounts().find(({ mountPoint }) => mountPoint === "/proc");
  if (mount === undefined) throw new Error("there is no /proc");
  let mounts: readonly Mount[] = [mount];
  const ejected = new EjectedDisks(() => mounts);
  ejected.add(mount);
  expect([ejected.has("/proc"), ejected.has("/elsewhere")]).toEqual([true, false]);
  mounts = [];
  expect(ejected.has("/proc")).toBe(true);
  mounts = [mount];
  expect(ejected.has("/proc")).toBe(true);
  mounts = currentMounts().filter(({ mountPoint }) => mountPoint !== "/proc");
  expect(ejected.has("/proc")).toBe(false);
});
