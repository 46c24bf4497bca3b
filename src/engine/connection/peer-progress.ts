// How the peer of a connection gets on, for the time limits of sweeper.ts. A message may be megabytes long
// and its client's network slow: what counts is the time since the last piece of it.
import type { FrameAssembler } from "../transport/framing.ts";

/** A slow network carries that within the time limits: 26 KiB/s where memory is low, else 4 KiB/s. */
const PIECE_BYTES = 262_144;

export class PeerProgress {
  private readonly frames: Frames;
  private sinceMs = 0;
  private frameCount = 0;
  private receivedBytes = 0;
  /** When the peer closed its sending side; -1 before. */
  private endedMs = -1;

  constructor(frames: Frames) {
    this.frames = frames;
  }

  /** Bytes will be received: a message that begins with them has a time of its own. */
  begin(nowMs: number): void {
    if (this.frames.isIdle()) this.restart(nowMs);
  }

  /** The time of what arrives next begins now. */
  restart(nowMs: number): void {
    this.sinceMs = nowMs;
    this.frameCount = this.frames.frameCount;
    this.receivedBytes = this.frames.receivedBytes;
  }

  /**
   * Bytes were received: a further piece, or what is incomplete after a complete message, has a time of its
   * own.
   */
  note(nowMs: number): void {
    const { frameCount, receivedBytes } = this.frames;
    const isFurther = receivedBytes - this.receivedBytes >= PIECE_BYTES;
    if (isFurther || frameCount !== this.frameCount) this.restart(nowMs);
  }

  /** The peer sends no more. */
  end(nowMs: number): void {
    this.endedMs = nowMs;
  }

  get hasEnded(): boolean {
    return this.endedMs >= 0;
  }

  /** Milliseconds since the last piece of an incomplete message; 0 between messages. */
  frameAgeMs(nowMs: number): number {
    return this.frames.isIdle() ? 0 : nowMs - this.sinceMs;
  }

  /** Milliseconds since the peer closed its sending side; 0 before. */
  endingMs(nowMs: number): number {
    return this.hasEnded ? nowMs - this.endedMs : 0;
  }

  /** The server was stopped for so long: that was not the client's time. */
  excuse(ms: number): void {
    this.sinceMs += ms;
    if (this.hasEnded) this.endedMs += ms;
  }
}

type Frames = Pick<FrameAssembler, "frameCount" | "receivedBytes" | "isIdle">;
