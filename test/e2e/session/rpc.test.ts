// Named pipes as clients use them: the list of shares, of the server's facts, and of what is not there.
// [MS-SRVS] 3.1.4.8 (NetrShareEnum), 3.1.4.10 (NetrShareGetInfo), 3.1.4.17 (NetrServerGetInfo).
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
    "srvinfo and netshareenumall, protection %s",
    async (protection) => {
      const { status, output } = await call("srvinfo;netshareenumall", protection);
      expect(output).toMatch(againstSmbd ? /PEER/ : /MINISMBD/);
      expect(output).toMatch(/platform_id\s*:\s*500/);
      expect(output).toMatch(/netname: test\s+remark:\ta comment of its own/);
      expect(output).toMatch(/netname: IPC\$/);
      expect(status).toBe(0);
    },
  );

  test("netsharegetinfo of a share, and of one that is not there", async () => {
    const found = await call("netsharegetinfo test");
    expect(found.output).toMatch(/netname: test/);
    const missing = await call("netsharegetinfo no-such-share");
    expect(missing.output).toMatch(/WERR_(?:INVALID_NAME|NERR_NETNAMENOTFOUND|NERR_NetNameNotFound)/i);
  });

  test("a share that is not to be browsed is missing from the list", async () => {
    const { output } = await listShares(server);
    expect(output).toMatch(/^\s*test\s+Disk\s+a comment of its own/m);
    expect(output).not.toMatch(/^\s*hidden\s/m);
  });

  test.skipIf(againstSmbd)("a pipe that does not exist is refused", async () => {
    // lsarpc is not there: the client says so and ends.
    const { status, output } = await call("lookupnames tester");
    expect(output).toMatch(/NT_STATUS_(?:OBJECT_NAME_NOT_FOUND|PIPE_NOT_AVAILABLE)/);
    expect(status).not.toBe(0);
  });
});
