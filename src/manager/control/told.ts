// A refusal of the manager as an error of the control socket.
import { Refusal } from "../refusal.ts";
import { ControlError } from "./protocol.ts";

/** Throws ControlError in the place of Refusal. */
export async function told<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) throw new ControlError(error.message, error.code);
    throw error;
  }
}

/**
 * As `told`, for a change of files: one that has failed may be written all the same, where the disk could not
 * say that it is safe. The server then reads what is there.
 */
export async function toldAfterReload<T>(
  host: { reload(): Promise<unknown> },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await told(work);
  } catch (error) {
    if (error instanceof ControlError && error.code === "failed") await host.reload();
    throw error;
  }
}
