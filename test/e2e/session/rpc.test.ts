// Named pipes as rpcclient and smbclient use them: information about the server and its shares, unknown
// shares and pipes. [MS-SRVS] 3.1.4.8 (NetrShareEnum), 3.1.4.10 (NetrShareGetInfo), 3.1.4.17
// (NetrServerGetInfo).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { type ClientProtection, connectionWords, listShares, runProgram } from "../client/smbclient.ts";

const hasRpcclient = Bun.which("rpcclient") !== null;

describe.skipIf(!hasRpcclient)("rpcclient", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startSubject({
      shares: [
        { name: "test", parameters: { comment: "a comment of its own" } },
        { name: "hidden", parameters: { browseable: "no" } },
      ],
    });
  });
  afterAll(() => server.stop());

  const call = (commands: string, protection: ClientProtection = "sign") =>
    runProgram([
      "rpcclient",
      server.host,
      ...connectionWords(server, { protection }).filter((word) => !word.startsWith("--max-protocol")),
      "--option=client max protocol=SMB3_11",
      "-c",
      commands,
    ]);

  test.each(["sign", "encrypt"] as const)(
    "srvinfo and netshareenumall show the server and its shares, protection %s",
    async (protection) => {
      const { status, output } = await call("srvinfo;netshareenumall", protection);
      expect(output).toMatch(againstSmbd ? /PEER/ : /MINISMBD/);
      expect(output).toMatch(/platform_id\s*:\s*500/);
      expect(output).toMatch(/netname: test\s+remark:\ta comment of its own/);
      expect(output).toMatch(/netname: IPC\$/);
      expect(status).toBe(0);
    },
  );

  test("netsharegetinfo shows a share, and fails for an unknown one", async () => {
    const found = await call("netsharegetinfo test");
    expect(found.output).toMatch(/netname: test/);
    const missing = await call("netsharegetinfo no-such-share");
    expect(missing.output).toMatch(/WERR_(?:INVALID_NAME|NERR_NETNAMENOTFOUND|NERR_NetNameNotFound)/i);
  });

  test("a share with `browseable = no` is not listed", async () => {
    const { output } = await listShares(server);
    expect(output).toMatch(/^\s*test\s+Disk\s+a comment of its own/m);
    expect(output).not.toMatch(/^\s*hidden\s/m);
  });

  test.skipIf(againstSmbd)("a client that opens an unknown pipe gets an error", async () => {
    // The server has no registry: rpcclient reports that and exits.
    const { status, output } = await call("winreg_enumkey HKLM");
    expect(output).toMatch(/NT_STATUS_(?:OBJECT_NAME_NOT_FOUND|PIPE_NOT_AVAILABLE)/);
    expect(status).not.toBe(0);
  });
});
