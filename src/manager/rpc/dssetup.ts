// The Directory Services Setup interface: the machine's role in a domain. [MS-DSSP] 3.2.5.1.
import { wireError } from "../../wire/cursor.ts";
import { type RpcCall, type RpcInterface, Win32Error } from "./interface.ts";

const Level = { BASIC: 1, UPGRADE: 2, OPERATION: 3 } as const;
/** DSROLE_MACHINE_ROLE: DsRole_RoleStandaloneServer. */
const STANDALONE_SERVER = 2;
const NO_DOMAIN = "00000000-0000-0000-0000-000000000000";

function getPrimaryDomain({ input, output, context }: RpcCall): void {
  const level = input.u16();
  if (level < Level.BASIC || level > Level.OPERATION) throw wireError("unknown level");
  output.pointer();
  output.u16(level);
  if (level === Level.BASIC) {
    output.align(4);
    output.u16(STANDALONE_SERVER);
    output.u32(0);
    output.later(() => output.string(context.workgroup));
    output.pointer(false);
    output.pointer(false);
    output.uuid(NO_DOMAIN);
    output.referents();
  } else if (level === Level.UPGRADE) {
    output.u32(0);
    output.u16(0);
  } else {
    output.u16(0);
  }
  output.u32(Win32Error.SUCCESS);
}

export const DSSETUP: RpcInterface = { operations: [getPrimaryDomain], open: [] };
