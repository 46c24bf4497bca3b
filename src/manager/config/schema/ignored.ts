// Parameters of [global] that are accepted and have no effect.
import { rowsOf } from "./parameter.ts";

const { flag, integer, size } = rowsOf("global");

export const IGNORED = [
  integer("ipc timeout", "0", "Accepted and ignored: there is no kernel module to keep alive.", {
    min: 0,
    max: 0xffff_ffff,
  }),
  size("smbd max io size", "8MB", "Accepted and ignored: RDMA is not served."),
  flag("cache read buffers", "yes", "Accepted and ignored: see `buffer budget`."),
  flag("cache trans buffers", "yes", "Accepted and ignored: see `buffer budget`."),
] as const;
