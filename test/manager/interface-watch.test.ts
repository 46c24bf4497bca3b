// The watch of interfaces that reloads turn on and off.
import { expect, test } from "bun:test";
import { InterfaceWatch } from "../../src/manager/interface-watch.ts";

test("a watch that is turned on again and again listens to the signal once", () => {
  const watch = new InterfaceWatch(() => true);
  const before = process.listenerCount("SIGIO");
  for (let turn = 0; turn < 20; turn++) {
    watch.start();
    watch.stop();
  }
  expect([process.listenerCount("SIGIO") - before, watch.isStarted]).toEqual([1, false]);
});
