// Parameters of [global]: the server's name and the addresses it listens on.
import { rowsOf } from "./parameter.ts";

const { flag, integer, text, list } = rowsOf("global");

export const SERVER = [
  text("netbios name", "", "Name of the server, at most 15 characters.", { defaultHelp: "the host's name" }),
  text("workgroup", "WORKGROUP", "Workgroup, and the domain that log-ons are told of."),
  text("server string", "SMB SERVER", "Comment beside the server's name in lists."),
  integer("tcp port", "445", "TCP port to listen on; 0 takes a free one.", {
    aliases: ["smb ports"],
    min: 0,
    max: 65_535,
    reload: "restart",
  }),
  list(
    "interfaces",
    "",
    "Interfaces by name (`*` and `?` allowed), address or ADDRESS/MASK; used with `bind interfaces only`.",
    { reload: "restart" },
  ),
  flag(
    "bind interfaces only",
    "no",
    "Listen on `interfaces` alone. When none of them has an address, the server does not start.",
    { reload: "restart", security: true },
  ),
  list(
    "hosts allow",
    "",
    "Addresses that may connect to shares: ADDRESS, ADDRESS/BITS, ADDRESS/MASK, a prefix such as `192.168.1.`, ALL, and EXCEPT. Host names are refused. The rule of [global] holds for every share.",
    { scope: "both", aliases: ["allow hosts"], security: true },
  ),
  list(
    "hosts deny",
    "",
    "Addresses that may not; `hosts allow` goes first. With `hosts allow` alone everybody else is refused.",
    { scope: "both", aliases: ["deny hosts"], security: true },
  ),
] as const;
