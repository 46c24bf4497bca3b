// Records which names smbd finds for every search pattern of up to five of `< > " * ? . a`, as the expected answers of
// test/wire/fscc/expression.test.ts. Usage: bun test/peer/record-patterns.ts
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeDirectoryEntries } from "../../src/wire/fscc/directory-entry.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import { decodeQueryDirectoryResponse, QueryDirectoryFlag } from "../../src/wire/command/query-directory.ts";
import { Status } from "../../src/wire/status.ts";
import { mountShare, openFile, queryDirectoryCall } from "../e2e/client/raw-files.ts";
import { patterns, PATTERN_NAMES, RECORDED_PATTERNS } from "../wire/fscc/pattern-names.ts";
import { startSmbd } from "./smbd.ts";
import { TESTER } from "./test-server.ts";

const server = await startSmbd({ parameters: { "mangled names": "no" } });
try {
  const directory = server.shares.get("test") ?? "";
  for (const name of PATTERN_NAMES) writeFileSync(join(directory, name), "");
  const mount = await mountShare(server, TESTER, "test");
  const { fileId } = await openFile(mount, "");
  const found: Uint8Array[] = [];
  for (const pattern of patterns()) {
    const bits = new Uint8Array(PATTERN_NAMES.length / 8);
    const infoClass = FileInfoClass.NAMES;
    const flags = QueryDirectoryFlag.REOPEN;
    const call = queryDirectoryCall(mount, fileId, { infoClass, flags, pattern, outputBufferLength: 65_536 });
    const reply = await mount.client.request(call);
    if (reply.status === Status.SUCCESS) {
      const { buffer } = decodeQueryDirectoryResponse(reply.message);
      for (const { name } of decodeDirectoryEntries(infoClass, buffer)) {
        const at = PATTERN_NAMES.indexOf(name);
        if (at >= 0) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
      }
    } else if (reply.status !== Status.NO_SUCH_FILE) {
      throw new Error(`${pattern}: status ${reply.status.toString(16)}`);
    }
    found.push(bits);
  }
  writeFileSync(RECORDED_PATTERNS, Bun.gzipSync(Buffer.concat(found), { level: 9 }));
  mount.client.close();
} finally {
  await server.stop();
}
