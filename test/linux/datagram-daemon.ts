// Starts datagram-receiver.ts and reads what it receives.
import { join } from "node:path";

export interface Datagram {
  /** In bytes. */
  readonly length: number;
  readonly text: string;
}

export interface DatagramDaemon {
  /** The next datagram; waits for it. */
  next(): Promise<Datagram>;
  kill(): Promise<void>;
}

/** Resolves once the socket at `name` is bound. */
export async function startDatagramDaemon(name: string): Promise<DatagramDaemon> {
  const words = [process.execPath, join(import.meta.dir, "datagram-receiver.ts"), name];
  const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const chunks = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = "";
  const nextLine = async (): Promise<string> => {
    while (!text.includes("\n")) {
      const { value, done } = await chunks.next();
      if (done === true) throw new Error("the daemon has ended");
      text += value;
    }
    const end = text.indexOf("\n");
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
  if ((await nextLine()) !== "bound") throw new Error("the daemon has no socket");
  return {
    next: async () => JSON.parse(await nextLine()) as Datagram,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
