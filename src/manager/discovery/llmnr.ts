// Link-Local Multicast Name Resolution on all links. Over UDP alone: RFC 4795 2.3 wants responders to listen
// on TCP as well, but Windows, for which this is, asks by UDP only ([MS-LLMNRP], overview). Reverse queries,
// which are unicast (2.4), are not answered.
import { LinkResponders } from "./link-responders.ts";
import type { GroupPlan } from "./link-sockets.ts";
import type { Link } from "./links.ts";
import { LLMNR_PORT, LlmnrResponder } from "./llmnr-responder.ts";

/** RFC 4795 sections 2 and 2.5. */
const GROUP: GroupPlan = {
  protocol: "LLMNR",
  port: LLMNR_PORT,
  groups: { 4: "224.0.0.252", 6: "ff02::1:3" },
  ttl: 255,
};

/** Answers for `names` on `links`; `report` gets lines for the log. */
export function startLlmnr(
  names: readonly string[],
  links: readonly Link[],
  report: (text: string) => void,
): LinkResponders {
  return new LinkResponders(
    {
      group: GROUP,
      make(link, host) {
        const others = links.filter((one) => one.name === link.name && one !== link);
        const addresses = [link, ...others].flatMap((one) => one.addresses);
        return new LlmnrResponder(names, addresses, host);
      },
      // Over IPv6 askers have link-local addresses; a datagram from another may have come through a router.
      accepts: ({ family }, { address }) => family === 4 || address.includes("%"),
      describeConflict: (device, name) =>
        `another machine on ${device} has the name '${name}', so LLMNR does not answer for it there`,
    },
    links,
    report,
  );
}
