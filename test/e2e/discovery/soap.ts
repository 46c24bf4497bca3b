// Reads SOAP messages for tests: elements by namespace and name, whatever prefixes a message has.

export interface Element {
  /** `{NAMESPACE}NAME`. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Trimmed; of an element without children. */
  readonly text: string;
  /** What `prefix:name` means in this place; undefined for an unknown prefix. */
  readonly resolve: (name: string) => string | undefined;
}

interface Open {
  readonly tag: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  readonly spaces: ReadonlyMap<string, string>;
  text: string;
}

const TOKEN = /<\?[^]*?\?>|<(\/?)([\w.:-]+)((?:\s+[\w.:-]+\s*=\s*"[^"]*")*)\s*(\/?)>|[^<]+/gy;

/** Throws an Error for what is not well-formed. */
export function parseSoap(xml: string): Element {
  const open: Open[] = [{ tag: "", attributes: {}, children: [], spaces: new Map(), text: "" }];
  let at = 0;
  for (const found of xml.matchAll(TOKEN)) {
    at += found[0].length;
    const [all, slash, tag, rest = "", isEmpty] = found;
    const parent = open.at(-1);
    if (parent === undefined) throw new Error(`more ends than beginnings: ${all}`);
    if (tag === undefined) {
      if (!all.startsWith("<?")) parent.text += all;
    } else if (slash === "/") {
      if (parent.tag !== tag) throw new Error(`</${tag}> ends <${parent.tag}>`);
      closeElement(open);
    } else {
      open.push(openElement(tag, rest, parent.spaces));
      if (isEmpty === "/") closeElement(open);
    }
  }
  const [root] = open[0]?.children ?? [];
  if (at !== xml.length || open.length !== 1 || root === undefined) throw new Error(`not read from ${at} on`);
  return root;
}

function openElement(tag: string, rest: string, outer: ReadonlyMap<string, string>): Open {
  const all = [...rest.matchAll(/([\w.:-]+)\s*=\s*"([^"]*)"/g)].map(([, name = "", value = ""]) => [
    name,
    value,
  ]);
  const spaces = new Map(outer);
  for (const [name = "", value = ""] of all)
    if (name.startsWith("xmlns")) spaces.set(name.slice("xmlns:".length), value);
  const own = all.filter(([name]) => name?.startsWith("xmlns") === false);
  return { tag, attributes: Object.fromEntries(own), children: [], spaces, text: "" };
}

function closeElement(open: Open[]): void {
  const { attributes, children, spaces, tag, text } = open.pop() as Open;
  const resolve = (name: string): string | undefined => {
    const [prefix, local] = name.includes(":") ? name.split(":") : ["", name];
    const space = spaces.get(prefix ?? "");
    return space === undefined ? undefined : `{${space}}${local}`;
  };
  const name = resolve(tag);
  if (name === undefined) throw new Error(`<${tag}>: its prefix means nothing`);
  open.at(-1)?.children.push({ name, attributes, children, text: text.trim(), resolve });
}

/** The one element on that path of names. Throws an Error for none or several. */
export function elementAt(root: Element, ...path: readonly string[]): Element {
  let here = root;
  for (const name of path) {
    const found = here.children.filter((child) => child.name === name);
    if (found.length !== 1) throw new Error(`${here.name} has ${found.length} of ${name}`);
    here = found[0] as Element;
  }
  return here;
}

export const namesIn = ({ children }: Element): string[] => children.map(({ name }) => name);
