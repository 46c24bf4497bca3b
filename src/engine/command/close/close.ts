// SMB2 CLOSE; [MS-SMB2] 2.2.15, 2.2.16, 3.3.5.10.
import type { MaybePromise } from "../../../port/port.ts";
import { attributesOnWire } from "../../../wire/fscc/attributes.ts";
import { writeTimes } from "../../../wire/fscc/metadata.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, FileStat } from "../../vfs/store.ts";
import { closeOpen } from "./teardown.ts";
import { statOfOpen, countReserved } from "../open/stat.ts";

const FLAGS_OFFSET = 66;
const POSTQUERY_ATTRIBUTES = 0x0001;
const RESPONSE_BYTES = 60;

export function handleClose(exchange: Exchange, open: Open): MaybePromise<NtStatus> {
  const wantsAttributes = (exchange.message.u16(FLAGS_OFFSET) & POSTQUERY_ATTRIBUTES) !== 0;
  if (!wantsAttributes || open.node === undefined) return closeAndAnswer(exchange, open, undefined);
  return andThen(statOfOpen(open, open.node), (stat) => closeAndAnswer(exchange, open, stat));
}

function closeAndAnswer(
  exchange: Exchange,
  open: Open,
  stat: FileStat | Failure | undefined,
): MaybePromise<NtStatus> {
  if (typeof stat === "object") exchange.context.changeTimes.apply(stat);
  // The stat object may belong to the node: write it out before the node is closed.
  writeAnswer(exchange, typeof stat === "object" ? countReserved(open, stat) : undefined);
  return andThen(closeOpen(exchange.context, open), (status) => {
    if (status !== Status.SUCCESS) exchange.dropBody();
    return status;
  });
}

function writeAnswer(exchange: Exchange, stat: FileStat | undefined): void {
  const writer = exchange.reserve(RESPONSE_BYTES);
  writer.u16(RESPONSE_BYTES);
  writer.u16(stat === undefined ? 0 : POSTQUERY_ATTRIBUTES);
  writer.u32(0);
  if (stat === undefined) {
    writer.zero(52);
    return;
  }
  writeTimes(writer, stat);
  writer.u64(stat.allocated);
  writer.u64(stat.size);
  writer.u32(attributesOnWire(stat.attributes));
}
