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
