// The NetBIOS name service on all IPv4 links.
import { LinkResponders } from "./link-responders.ts";
import type { GroupPlan } from "./link-sockets.ts";
import type { Link } from "./links.ts";
import { NETBIOS_PORT, NetbiosResponder } from "./netbios-responder.ts";

const GROUP: GroupPlan = {
  protocol: "the NetBIOS name service",
  port: NETBIOS_PORT,
  groups: "broadcast",
  ttl: 1,
};
/** Printable ASCII: the code page of other characters is each machine's own. */
const NAME = /^[!-~](?:[ -~]{0,13}[!-~])?$/;

/** Answers for the server and its workgroup on `links`; `report` gets lines for the log. */
export function startNetbios(
  server: string,
  workgroup: string,
  links: readonly Link[],
  report: (text: string) => void,
): LinkResponders {
  const isUsable = [server, workgroup].every((name) => NAME.test(name));
  if (!isUsable)
    report(`'${server}' in '${workgroup}' are no names for NetBIOS: 1 to 15 characters of ASCII`);
  return new LinkResponders(
    {
      group: GROUP,
      make: ({ addresses }, host) => new NetbiosResponder(server, workgroup, addresses, host),
      accepts: () => true,
      describeConflict: (device, name) =>
        `another machine on ${device} has the NetBIOS name '${name}', so the server does not answer for it there`,
    },
    isUsable ? links : [],
    report,
  );
}
