// Several requests in one piece, which the server handles before anything else happens.
import type { Call, Pending } from "./raw-calls.ts";
import type { Mount } from "./raw-files.ts";
import type { RawSocket } from "./raw-socket.ts";

/** Sends requests that need not be sealed, each in a frame of its own. */
export function startTogether({ client }: Mount<RawSocket>, calls: readonly Call[]): Pending[] {
  const frames: Uint8Array[] = [];
  const pending = calls.map((call) => {
    const { bytes, messageId } = client.build(call);
    const frame = new Uint8Array(4 + bytes.length);
    new DataView(frame.buffer).setUint32(0, bytes.length);
    frame.set(bytes, 4);
    frames.push(frame);
    return client.expect(messageId);
  });
  client.socket.send(Buffer.concat(frames));
  return pending;
}
