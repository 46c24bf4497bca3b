// A tree with DFS links, the shares by which this server and Debian's smbd offer it, and requests for referrals.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writer } from "../../../src/wire/cursor.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { decodeReferrals, encodeReferralRequest } from "../../../src/wire/fscc/referral.ts";
import type { ReferralResponse } from "../../../src/wire/fscc/referral.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { makeDirectory, type ServerOptions } from "../../peer/test-server.ts";
import { chargeFor, ioctlCall, type Mount } from "../client/raw-files.ts";

export function makeTree(): string {
  const base = makeDirectory("dfs");
  chmodSync(base, 0o755);
  const root = join(base, "root");
  mkdirSync(join(root, "dir", "sub"), { recursive: true });
  chmodSync(root, 0o777);
  writeFileSync(join(root, "file"), "in the root");
  const links = {
    link: "msdfs:127.0.0.1\\other,srv2\\sh2\\deep",
    Upper: "MSDFS:127.0.0.1\\other",
    slash: "msdfs:127.0.0.1/other",
    lead: "msdfs:\\\\srv\\share",
    "dir/inner": "msdfs:srv\\share",
    todir: "dir",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  return root;
}

/** Shares of both servers. */
export function dfsOptions(root: string): ServerOptions {
  const share = (name: string, parameters: Readonly<Record<string, string>> = {}) => ({
    name,
    path: root,
    parameters: { "follow symlinks": "yes", ...parameters },
  });
  return {
    shares: [
      share("test", { "msdfs root": "yes" }),
      share("plain"),
      share("proxy", { "msdfs root": "yes", "msdfs proxy": "\\srvA\\shareA,\\srvB\\shareB" }),
    ],
  };
}

/** Asks for a referral in the tree of `mount`; a response or the name of the status. */
export async function askReferral(
  mount: Mount,
  path: string,
  { level = 3, room = 4096 } = {},
): Promise<ReferralResponse | string> {
  const writer = new Writer(new Uint8Array(8 + 2 * path.length));
  encodeReferralRequest(writer, { maxLevel: level, path });
  const input = writer.bytes.subarray(0, writer.position);
  const call = ioctlCall(mount, Fsctl.DFS_GET_REFERRALS, input, undefined, room);
  const size = { room: input.length + 256, creditCharge: chargeFor(mount, Math.max(input.length, room)) };
  const reply = await mount.client.request({ ...call, ...size });
  if (reply.status !== Status.SUCCESS) return statusName(reply.status);
  return decodeReferrals(decodeIoctlResponse(reply.message).output);
}
