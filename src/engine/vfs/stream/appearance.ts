// What a stored stream is to a client, as vfs_fruit(8) has it: no empty resource fork exists, and to Macs no
// empty attribute nor AFP_AfpInfo of another size than its own.
import { AFP_INFO_BYTES } from "../format/afp-info.ts";
import type { Count } from "../store.ts";
import { isAfpInfoName, isForkName } from "./stored-stream.ts";

export const Appearance = { ABSENT: 0, ORDINARY: 1, AFP_INFO: 2 } as const;
export type Appearance = (typeof Appearance)[keyof typeof Appearance];

/** `isApple`: the client is a Mac. Others see what one of them has stored as AFP_AfpInfo in another form. */
export function appearanceOf(name: string, size: Count, isApple: boolean): Appearance {
  // An AppleDouble file has an entry for the resource fork, whether there is one or not.
  if (size === 0 && isForkName(name)) return Appearance.ABSENT;
  const isNamedAfpInfo = isAfpInfoName(name);
  if (isNamedAfpInfo && size === AFP_INFO_BYTES) return Appearance.AFP_INFO;
  const isHidden = isNamedAfpInfo ? isApple || size === 0 : isApple && size === 0;
  return isHidden ? Appearance.ABSENT : Appearance.ORDINARY;
}
