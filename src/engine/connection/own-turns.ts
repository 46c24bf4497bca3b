// The turns of one connection: for work that continues in pieces, and for received requests that wait.
import { TURN_MS, type Turns, type TurnTaker } from "../turns.ts";

/** Milliseconds for new requests of a connection that waits for its turn. */
const SHORT_TURN_MS = 1;

export class OwnTurns implements TurnTaker {
  /** True while received requests wait for the connection's turn. */
  framesWait = false;
  private readonly turns: Turns;
  private readonly now: () => number;
  /** Takes the received requests that `mayTakeFrame` lets through. */
  private readonly resumeFrames: () => void;
  private readonly pieces: (() => void)[] = [];
  private startMs = 0;
  private isQueued = false;
  private prefersFrames = false;

  constructor(turns: Turns, now: () => number, resumeFrames: () => void) {
    this.turns = turns;
    this.now = now;
    this.resumeFrames = resumeFrames;
  }

  /** The socket has brought bytes: a turn begins, a short one where the connection waits for its turn. */
  begin(nowMs: number): void {
    this.startMs = this.isQueued ? nowMs - TURN_MS + SHORT_TURN_MS : nowMs;
  }

  /** Has received requests wait for the next turn. */
  end(): void {
    this.startMs = Number.NEGATIVE_INFINITY;
  }

  isOver(): boolean {
    return this.now() - this.startMs >= TURN_MS;
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.later(resolve));
  }

  /** Calls `piece` at a turn. */
  later(piece: () => void): void {
    this.pieces.push(piece);
    this.enqueue();
  }

  /** True where the next received request may be taken in this turn; else it waits for the next. */
  mayTakeFrame(): boolean {
    if (!this.isOver()) return true;
    this.framesWait = true;
    this.enqueue();
    return false;
  }

  private enqueue(): void {
    if (this.isQueued) return;
    this.isQueued = true;
    this.turns.enqueue(this);
  }

  /** Continues with one piece and with received requests; each goes first at every second turn. */
  takeTurn(): void {
    this.isQueued = false;
    this.startMs = this.now();
    this.prefersFrames = !this.prefersFrames;
    if (this.framesWait && (this.prefersFrames || this.pieces.length === 0)) {
      this.framesWait = false;
      this.resumeFrames();
    }
    if (!this.isOver()) this.pieces.shift()?.();
    if (this.pieces.length > 0 || this.framesWait) this.enqueue();
    this.resumeFrames();
  }
}
