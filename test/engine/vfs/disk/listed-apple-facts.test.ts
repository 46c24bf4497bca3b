// What a Mac's listing reads of AppleDouble files: each once for the entry beside it, and once to hide it.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import * as companions from "../../../../src/engine/vfs/appledouble/companion.ts";
import type { AppleFacts } from "../../../../src/engine/vfs/listed.ts";
import { SKIPPED } from "../../../../src/engine/vfs/store.ts";
import { setNetatalkFinderInfo } from "../../../../src/engine/vfs/values/netatalk-values.ts";
import { PLACEHOLDER_BYTES, TAGGED_FILE, TYPED_FILE } from "../../../vectors/apple-double.ts";
import { Fixture, descriptorCount, expectDescriptors } from "../share-fixture.ts";

let share: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
});

/** Type and creator. */
function text(facts: AppleFacts | undefined): string {
  return Buffer.from(facts?.finderInfo?.subarray(0, 8) ?? []).toString("latin1");
}

/** The facts of the share's entries, listed on the event loop. */
async function listAsMac(): Promise<Map<string, AppleFacts>> {
  await share.setLively(true);
  const handle = await share.open();
  const stream = handle.list({ only: undefined, withAppleFacts: true });
  const found = new Map<string, AppleFacts>();
  for (;;) {
    const entry = await stream.next(() => true);
    if (entry === SKIPPED) continue;
    if (entry === undefined || typeof entry === "number") break;
    if (entry.stat.apple !== undefined) found.set(entry.name, structuredClone(entry.stat.apple));
  }
  stream.close();
  handle.close();
  return found;
}

test("a Mac's listing opens an AppleDouble file once for the facts of its owner and once to hide it", async () => {
  for (const name of ["typed", "tagged", "foreign"]) await share.touch(name);
  writeFileSync(share.at("._typed"), TYPED_FILE);
  writeFileSync(share.at("._tagged"), TAGGED_FILE);
  writeFileSync(share.at("._foreign"), "not an AppleDouble file");
  const opens = spyOn(companions, "openCompanion");
  const found = await listAsMac();
  const opened = opens.mock.calls.map(([, name]) => name).sort();
  opens.mockRestore();
  expect(opened).toEqual(["foreign", "foreign", "tagged", "tagged", "typed", "typed"]);
  expect(found.get("typed")).toMatchObject({ hasStreams: true, resourceBytes: PLACEHOLDER_BYTES.length });
  expect(found.get("tagged")).toMatchObject({ hasStreams: true, resourceBytes: PLACEHOLDER_BYTES.length });
  expect(text(found.get("typed"))).toBe("WAVEPTul");
  expect(text(found.get("tagged"))).toBe("TESTSLOW");
  expect(found.get("foreign")).toMatchObject({ hasStreams: false, resourceBytes: 0, finderInfo: undefined });
});

test("a Mac's listing has the Finder information of netatalk's attribute, also beside an AppleDouble file", async () => {
  for (const name of ["alone", "both"]) {
    await share.touch(name);
    const fd = openSync(share.at(name), "r+");
    expect(setNetatalkFinderInfo(fd, Buffer.from("NETATALK".padEnd(32, "\0")))).toBe(0);
    closeSync(fd);
  }
  writeFileSync(share.at("._both"), TYPED_FILE);
  const found = await listAsMac();
  expect(["alone", "both"].map((name) => text(found.get(name)))).toEqual(["NETATALK", "NETATALK"]);
  expect(found.get("both")?.resourceBytes).toBe(PLACEHOLDER_BYTES.length);
  expect(found.get("alone")?.hasStreams).toBe(true);
});
