// The context handles of one association (C706 6.1.6): what a client opened and names in later calls.
import { HANDLE_BYTES } from "./ndr.ts";

/** Handles that one association may have open; the tools that open most have one for each of their users. */
export const MAX_HANDLES = 512;
/** Memory of a handle and what it stands for. */
const BYTES_EACH = 256;

/** What a handle stands for: an interface makes classes of it, of which it asks for one. */
export class Handles {
  private readonly objects = new Map<string, object>();

  get heldBytes(): number {
    return this.objects.size * BYTES_EACH;
  }

  /** The new handle in hex; undefined if there are too many. */
  open(object: object): string | undefined {
    if (this.objects.size >= MAX_HANDLES) return undefined;
    // The attributes, of which none is defined, and 16 random bytes.
    const bytes = new Uint8Array(HANDLE_BYTES);
    crypto.getRandomValues(bytes.subarray(4));
    const handle = bytes.toHex();
    this.objects.set(handle, object);
    return handle;
  }

  /** Undefined for a handle that is not open or stands for something else. */
  find<T extends object>(handle: string, type: abstract new (...values: never[]) => T): T | undefined {
    const object = this.objects.get(handle);
    return object instanceof type ? object : undefined;
  }

  /** False for a handle that is not open. */
  close(handle: string): boolean {
    return this.objects.delete(handle);
  }
}
