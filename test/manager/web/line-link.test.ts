import { afterEach, describe, expect, test } from "bun:test";
import { Epoll } from "../../../src/linux/epoll.ts";
import { closeFd } from "../../../src/linux/open.ts";
import { createSocketPair, receiveNow, sendNow } from "../../../src/linux/socket.ts";
import { LineLink } from "../../../src/manager/web/line-link.ts";

const MAX_LINE = 160 * 1024;

let link: LineLink | undefined;
let peer = -1;

/** The server's end, whose events the tests make; `answerBytes` are sent for each line. */
function openLink(answerBytes = 0): { readonly link: LineLink; readonly taken: unknown[]; end?: string } {
  const pair = createSocketPair();
  if (typeof pair === "number") throw new Error(`socketpair: ${pair}`);
  const taken: unknown[] = [];
  const found: { link: LineLink; taken: unknown[]; end?: string } = {
    taken,
    link: new LineLink(
      pair[0],
      { maxLineBytes: MAX_LINE, maxQueuedBytes: 65_536 },
      {
        take(message) {
          taken.push(message);
          if (answerBytes > 0) found.link.send({ text: "x".repeat(answerBytes) });
        },
        ended: (fault) => (found.end = fault ?? "closed"),
      },
    ),
  };
  link = found.link;
  peer = pair[1];
  return found;
}

function put(text: string): void {
  const bytes = Buffer.from(text);
  expect(sendNow(peer, bytes, 0, bytes.length)).toBe(bytes.length);
}

afterEach(() => {
  link?.close();
  if (peer >= 0) closeFd(peer);
  peer = -1;
});

describe("the server's end of the link", () => {
  test("a line that comes byte by byte takes the memory of its bytes", () => {
    const { link: own, taken } = openLink();
    const line = JSON.stringify({ text: "y".repeat(6_000) });
    const before = process.memoryUsage().arrayBuffers;
    for (const letter of line) {
      put(letter);
      own.ready(Epoll.IN);
    }
    Bun.gc(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
    put("\n[1]\n");
    own.ready(Epoll.IN);
    expect(taken).toEqual([JSON.parse(line), [1]]);
  });

  test("who asks for more than he takes is not listened to until he takes it", () => {
    const { link: own, taken } = openLink(10_000);
    for (let round = 0; round < 200; round++) {
      put("[]\n");
      own.ready(Epoll.IN);
    }
    expect(own.queuedBytes).toBeLessThan(65_536 + 64 * 1024);
    expect(taken.length).toBeLessThan(200);
    const chunk = new Uint8Array(65_536);
    for (let quiet = 0; quiet < 3;) {
      const count = receiveNow(peer, chunk, 0, chunk.length);
      quiet = count > 0 ? 0 : quiet + 1;
      own.ready(Epoll.OUT | Epoll.IN);
    }
    expect(taken.length).toBe(200);
    expect(own.queuedBytes).toBe(0);
  });

  test("a line that is too long ends the link", () => {
    const found = openLink();
    for (let sent = 0; sent <= MAX_LINE && found.end === undefined; sent += 4_096) {
      put("z".repeat(4_096));
      found.link.ready(Epoll.IN);
    }
    expect(found.end).toBe("a line is too long");
  });
});
