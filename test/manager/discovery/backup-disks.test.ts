// The TXT record of _adisk._tcp.
import { expect, test } from "bun:test";
import { describeBackupDisks } from "../../../src/manager/discovery/backup-disks.ts";

const id = "12345678-1234-5234-8234-123456789ABC";

test("the text names the server and each disk by its share, with a UUID by which Macs know it", () => {
  expect(describeBackupDisks([{ share: "Time Machine", id }])).toEqual([
    "sys=waMa=0,adVF=0x100",
    `dk0=adVN=Time Machine,adVF=0x82,adVU=${id}`,
  ]);
  const two = describeBackupDisks(["Anna", "Bäcker"].map((share) => ({ share, id })));
  expect(two.slice(1)).toEqual([
    `dk0=adVN=Anna,adVF=0x82,adVU=${id}`,
    `dk1=adVN=Bäcker,adVF=0x82,adVU=${id}`,
  ]);
});

test("of disks without end the text has as many as fit into a message, each string within 255 bytes", () => {
  const disks = Array.from({ length: 5000 }, (_, i) => ({ share: `${i}${"ä".repeat(29)}`, id }));
  const text = describeBackupDisks(disks);
  expect(text.length).toBeGreaterThan(25);
  expect(text.reduce((sum, string) => sum + Buffer.byteLength(string) + 1, 0)).toBeLessThanOrEqual(4096);
  for (const string of text) expect(Buffer.byteLength(string)).toBeLessThanOrEqual(255);
});
