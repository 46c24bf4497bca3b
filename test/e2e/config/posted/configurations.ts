// Configurations as people post them, written anew: what testparm says of each, and who may do what. DATA stands for
// the directory of the test's folders, DIRECTORY for that of the files. `games` and `news` are users with accounts on the machine, `stranger` is none.
import type { Permitted } from "../../client/config-rig.ts";

export type Client = "games" | "news" | "stranger" | "anonymous";

export interface Posted {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** What testparm says, without the directory; all of it. */
  readonly says: readonly string[];
  /** What this server gives, by share and client; `smbd`: where smbd gives another thing. */
  readonly access: readonly (readonly [
    share: string,
    client: Client,
    permitted: Permitted,
    smbd?: Permitted,
  ])[];
}
