// The commands on the API's tokens.
import type { ApiTokens } from "../administration/api-tokens.ts";
import type { StoredToken } from "../administration/token-change.ts";
import { showName } from "../users/user-name.ts";
import type { Answer } from "./operation.ts";
import type { TokenItem } from "./operations/tokens.ts";
import { told } from "./told.ts";

/** What the commands use of the server. */
export interface TokenHost {
  readonly tokens: ApiTokens;
  /** Who asks, over the web page; absent: root, over the control socket. */
  readonly administrator?: string | undefined;
  note(text: string): void;
}

export async function listTokens({ tokens }: TokenHost): Promise<Answer> {
  return { items: (await told(() => tokens.list())).map(itemOf) };
}

interface Wanted {
  readonly name: string;
  readonly isReadOnly: boolean | undefined;
}

export async function addToken(host: TokenHost, { name, isReadOnly = true }: Wanted): Promise<Answer> {
  const { stored, token } = await told(() => host.tokens.add(name, isReadOnly, host.administrator));
  host.note(
    `token '${showName(name)}' made, ${isReadOnly ? "for reading alone" : "which may change everything"}`,
  );
  return { items: [{ ...itemOf(stored), token }] };
}

export async function removeToken(host: TokenHost, { id }: { readonly id: string }): Promise<Answer> {
  await told(() => host.tokens.remove(id));
  host.note(`token ${showName(id)} removed`);
  return { items: [] };
}

function itemOf({ createdDay, id, isReadOnly, name, owner, usedDay }: StoredToken): TokenItem {
  const lastUsed = usedDay === undefined ? {} : { lastUsed: dateOf(usedDay) };
  const by = owner === undefined ? {} : { owner };
  return { id, name, isReadOnly, created: dateOf(createdDay), ...by, ...lastUsed };
}

function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
