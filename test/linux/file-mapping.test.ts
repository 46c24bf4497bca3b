// Which mappings are the executable's, and what the kernel takes as advice about them.
import { expect, test } from "bun:test";
import { advise, Advice, executableMappings, mappingsOf } from "../../src/linux/file-mapping.ts";

// Two mappings of one file, of which one is writable, and one of another, as proc(5) shows them.
const SMAPS = `00200000-007a1000 r--p 00000000 fe:00 77                         /opt/a server (deleted)
Size:               5764 kB
KernelPageSize:        4 kB
Rss:                5748 kB
Pss:                5748 kB
VmFlags: rd mr mw me
007a2000-05cd4000 r-xp 005a1000 fe:00 77                         /opt/a server (deleted)
Size:              87240 kB
Rss:               25624 kB
05cd5000-05cea000 rw-p 05ad3000 fe:00 77                         /opt/a server (deleted)
Size:                 84 kB
Rss:                  84 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 78                 /lib/libc.so.6
Size:                  4 kB
Rss:                   4 kB
7ffd48118000-7ffd48139000 rw-p 00000000 00:00 0                  [stack]
Size:                132 kB
Rss:                  48 kB
`;

test("the mappings of one file are found with what is resident of them", () => {
  expect(mappingsOf(SMAPS, "/opt/a server (deleted)")).toEqual([
    { address: 0x200000, bytes: 0x5a1000, isWritable: false, residentBytes: 5748 * 1024 },
    { address: 0x7a2000, bytes: 0x5532000, isWritable: false, residentBytes: 25624 * 1024 },
    { address: 0x5cd5000, bytes: 0x15000, isWritable: true, residentBytes: 84 * 1024 },
  ]);
  expect(mappingsOf("", "/opt/a")).toEqual([]);
});

test("this process's executable has resident code, and the kernel takes advice about it", () => {
  const mappings = executableMappings();
  expect(mappings.some(({ residentBytes }) => residentBytes > 0)).toBe(true);
  for (const mapping of mappings) expect(advise(mapping, Advice.RANDOM)).toBe(0);
});
