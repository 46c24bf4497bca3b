// The remote management interface, which every pipe has: the server's interfaces, statistics, principal name.
// C706 appendix Q.
import { wireError } from "../../wire/cursor.ts";
import { type RpcCall, type RpcInterface, Win32Error } from "./interface.ts";
import type { SyntaxName } from "./syntax.ts";

export const MGMT_ID: SyntaxName = { uuid: "afa8bd80-7d8a-11c9-bef4-08002b102989", major: 1, minor: 0 };

const STATISTICS = 4;
/** Authentication services that have a principal name. */
const SPNEGO = 9;
const NTLMSSP = 10;

/** RPC_S_UNKNOWN_AUTHN_SERVICE. */
const UNKNOWN_SERVICE = 1747;
const INSUFFICIENT_BUFFER = 122;

/** `interfaces` are those of the server beside this one. */
export function mgmt(interfaces: readonly SyntaxName[]): RpcInterface {
  const names = [...interfaces, MGMT_ID];
  return {
    operations: [
      ({ output }) => {
        output.pointer();
        output.u32(names.length);
        output.u32(names.length);
        for (const name of names) output.later(() => output.syntax(name));
        output.referents();
        output.u32(Win32Error.SUCCESS);
      },
      getStatistics,
      // is_server_listening: the status, and TRUE.
      ({ output }) => {
        output.u32(0);
        output.u32(1);
      },
      ({ output }) => output.u32(Win32Error.ACCESS_DENIED),
      getPrincipalName,
    ],
    open: "all",
  };
}

// The calls and packets are not counted.
function getStatistics({ input, output }: RpcCall): void {
  const most = Math.min(input.u32(), STATISTICS);
  output.u32(most);
  output.u32(most);
  for (let i = 0; i < most; i++) output.u32(0);
  output.u32(Win32Error.SUCCESS);
}

function getPrincipalName({ input, output, context }: RpcCall): void {
  const service = input.u32();
  const room = input.u32();
  if (room === 0) throw wireError("no room for a name");
  const isKnown = service === SPNEGO || service === NTLMSSP;
  const name = isKnown ? `${context.serverName.toLowerCase()}$` : "";
  const isLong = name.length + 1 > room;
  const text = isLong ? "" : name;
  output.asciiString(text, room);
  const error = isLong ? INSUFFICIENT_BUFFER : Win32Error.SUCCESS;
  output.u32(isKnown ? error : UNKNOWN_SERVICE);
}
