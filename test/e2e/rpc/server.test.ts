// The server, its shares, sessions and files by RPC (srvsvc, wkssvc): the answers to Samba's rpcclient, held against
// smbd's, and what other tools see.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startSmbd } from "../../peer/smbd.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { runProgram } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import {
  type Call,
  DAEMON,
  GAMES,
  hasImpacket,
  PYTHON,
  hasPeer,
  hasRpcclient,
  runRpcclient,
  testCalls,
} from "./rpc-clients.ts";

const CALLS: readonly Call[] = [
  { command: "netshareenumall 1", answer: /netname: test\s+remark:/, differs: "smbd's comments are its own" },
  {
    command: "netshareenumall 2",
    answer: /path: C:\\.*\\shares\\test/,
    differs: "smbd's comments are its own",
  },
  { command: "netsharegetinfo test 1005", answer: /flags: 0x0/ },
  { command: "netsharegetinfo test 1", answer: /^netname: test\s+remark:/ },
  { command: "netsharegetinfo test 77", answer: /WERR_INVALID_LEVEL/ },
  { command: "netsessenum", answer: /WERR_ACCESS_DENIED/ },
  { command: "netconnenum", answer: /WERR_ACCESS_DENIED/ },
  { command: "netfileenum", answer: /WERR_ACCESS_DENIED/ },
  { command: "netsharesetinfo test comment", answer: /WERR_ACCESS_DENIED/ },
  { command: "netsharedel test", answer: /WERR_ACCESS_DENIED/ },
  { command: "netshareadd /tmp intruder", answer: /WERR_ACCESS_DENIED/ },
  { command: "netdiskenum", answer: /^$/ },
  { command: "netremotetod", answer: /^$/ },
  { command: "netnamevalidate good-name 9", answer: /^$/ },
  { command: "netnamevalidate a:b 9", answer: /WERR_INVALID_NAME/ },
  { command: "wkssvc_wkstagetinfo 100", answer: /^$|wks100/ },
  { command: "wkssvc_wkstagetinfo 102", answer: /WERR_ACCESS_DENIED/ },
  { command: "wkssvc_enumerateusers 1", answer: /WERR_ACCESS_DENIED/ },
];

/** The pipes that macOS and Windows try: what is not there is refused when it is opened. */
const ABSENT = ["MDSSVC", "winreg", "spoolss", "svcctl", "eventlog", "atsvc", "MsFteWds", "netlogon"];

let server: TestServer;
let peer: TestServer | undefined;
beforeAll(async () => {
  server = await startServer({ users: [DAEMON, GAMES], parameters: { "admin users": GAMES.user } });
  if (hasPeer) peer = await startSmbd({ users: [DAEMON, GAMES] });
});
afterAll(async () => {
  await peer?.stop();
  await server.stop();
});

describe.skipIf(!hasRpcclient)("rpcclient", () => {
  testCalls(
    CALLS,
    () => server,
    () => peer,
  );

  test("shares change in the configuration only: an administrator is told so", async () => {
    for (const command of ["netsharedel test", "netshareadd /tmp other", "netsharesetinfo test comment"])
      expect((await runRpcclient(server, command, { user: GAMES })).output).toContain("WERR_NOT_SUPPORTED");
  });
});

const PIPES = `
import sys
from impacket.smbconnection import SMBConnection, SessionError
host, port, user, password = sys.argv[1:5]
c = SMBConnection(host, host, sess_port=int(port))
c.login(user, password)
tree = c.connectTree("IPC$")
for name in sys.argv[5:]:
    try:
        c.closeFile(tree, c.openFile(tree, name))
        print(name, "opened")
    except SessionError as error:
        print(name, hex(error.getErrorCode()))
`;

/** Interfaces that are bound over the pipe of another one, as Windows' tools do after a refused open. */
const BINDS = `
import sys
from impacket.uuid import uuidtup_to_bin
from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.rpcrt import DCERPCException
host, port, user, password = sys.argv[1:5]
for name, uuid, version in (
    ("mdssvc", "885d85fb-c754-4062-a0e7-68692ce0f064", "2.0"),
    ("winreg", "338cd001-2244-31f1-aaaa-900038001003", "1.0"),
    ("svcctl", "367abb81-9844-35f1-ad32-98f038001003", "2.0"),
    ("srvsvc", "4b324fc8-1670-01d3-1278-5a47bf6ee188", "3.0"),
):
    t = transport.SMBTransport(host, int(port), r"\\srvsvc", user, password)
    d = t.get_dce_rpc()
    d.connect()
    try:
        d.bind(uuidtup_to_bin((uuid, version)))
        print(name, "bound")
    except DCERPCException as error:
        print(name, error)
`;

const LEVELS = `
import sys
from impacket.dcerpc.v5 import transport, srvs
from impacket.dcerpc.v5.rpcrt import DCERPCException
host, port, user, password = sys.argv[1:5]
t = transport.SMBTransport(host, int(port), r"\\srvsvc", user, password)
d = t.get_dce_rpc()
d.connect()
d.bind(srvs.MSRPC_UUID_SRVS)
for level in (0, 1, 2, 501, 502, 503):
    r = srvs.hNetrShareEnum(d, level)
    names = [e[list(e.fields)[0]][:-1] for e in r["InfoStruct"]["ShareInfo"]["Level%d" % level]["Buffer"]]
    print(level, sorted(names))
for path in ("C:", "C:\\\\a\\\\b", "\\\\\\\\nas\\\\share", "\\\\\\\\nas", "a\\\\b", "\\\\a\\\\*", "a<b", ""):
    try:
        print(repr(path), srvs.hNetprPathType(d, path + "\\0", 0)["PathType"])
    except DCERPCException as error:
        print(repr(path), "error", error.get_error_code())
print(srvs.hNetrRemoteTOD(d)["BufferPtr"]["tod_year"] > 2020)
`;

describe.skipIf(!hasImpacket)("impacket", () => {
  const run = (script: string, ...words: string[]) =>
    runProgram([
      PYTHON,
      "-c",
      script,
      server.host,
      String(server.port),
      DAEMON.user,
      DAEMON.password,
      ...words,
    ]);

  test("gets the list of shares at every level, and the types of paths", async () => {
    const { output } = await run(LEVELS);
    for (const level of [0, 1, 2, 501, 502, 503]) expect(output).toContain(`${level} ['IPC$', 'test']`);
    expect(output).toContain("True");
    expect(output).toContain("'C:' 16384\n");
    expect(output).toContain("'C:\\\\a\\\\b' 8198\n");
    expect(output).toContain("'\\\\\\\\nas\\\\share' 4096\n");
    expect(output).toContain("'\\\\\\\\nas' 4144\n");
    expect(output).toContain("'a\\\\b' 8192\n");
    expect(output).toContain("'\\\\a\\\\*' 8195\n");
    expect(output).toContain("'a<b' error 123\n'' error 123\n");
  });

  test("opens the pipes that exist and is refused the others at once", async () => {
    const { output } = await run(PIPES, "srvsvc", "LSARPC", "samr", "lsass", ...ABSENT);
    for (const name of ["srvsvc", "LSARPC", "samr", "lsass"]) expect(output).toContain(`${name} opened`);
    for (const name of ABSENT) expect(output).toContain(`${name} 0xc0000034`);
  });

  test("is refused the bind of an interface that is not there, over the pipe of one that is", async () => {
    const lines = (await run(BINDS)).output.trim().split("\n");
    const refusal = "Bind context 1 rejected: provider_rejection; abstract_syntax_not_supported";
    for (const [i, name] of ["mdssvc", "winreg", "svcctl"].entries())
      expect(lines[i]).toStartWith(`${name} ${refusal}`);
    expect(lines[3]).toBe("srvsvc bound");
  });
});
