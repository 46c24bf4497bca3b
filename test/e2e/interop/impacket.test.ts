// impacket's client, which shares no code with Samba's, in the dialects it speaks: 2.0.2, 2.1 and 3.0.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { runProgram } from "../client/smbclient.ts";
import { hasImpacket, PYTHON } from "../rpc/rpc-clients.ts";

describe.skipIf(!hasImpacket)("impacket", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startSubject();
  });
  afterAll(() => server.stop());

  test.each(["0x0202", "0x0210", "0x0300"])(
    "a client logs on, writes, lists, reads, renames and deletes in dialect %s",
    async (dialect) => {
      const { host, port } = server;
      const script = join(import.meta.dir, "impacket-client.py");
      const words = [host, String(port), TESTER.user, TESTER.password, "test", dialect, "300000"];
      const { status, output } = await runProgram([PYTHON, script, ...words]);
      expect(output).toStartWith("ok");
      expect(status).toBe(0);
    },
    30_000,
  );
});
