// Entry point: selects the command by argv[0] (ksmbd-tools' names) or argv[1].

type Verb = (words: readonly string[]) => number | Promise<number>;

const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  serve: async () => (await import("./cli/start-server.ts")).run,
  setup: async () => (await import("./cli/setup.ts")).run,
  adduser: async () => (await import("./cli/adduser.ts")).run,
  shares: async () => (await import("./cli/shares.ts")).run,
  addshare: async () => (await import("./cli/addshare.ts")).run,
  passwd: async () => (await import("./cli/passwd.ts")).run,
  deluser: async () => (await import("./cli/deluser.ts")).run,
  users: async () => (await import("./cli/users.ts")).run,
  testparm: async () => (await import("./cli/testparm.ts")).run,
  status: async () => (await import("./cli/status.ts")).run,
  control: async () => (await import("./cli/control.ts")).run,
  "web-process": async () => (await import("./cli/web-process.ts")).run,
  version: async () => (await import("./cli/version.ts")).run,
  help: async () => (await import("./cli/help.ts")).run,
};

/** Commands of ksmbd-tools, selected by the name the executable is called by. */
const TOOLS: Readonly<Record<string, () => Promise<Verb>>> = {
  "ksmbd.mountd": async () => (await import("./cli/mountd.ts")).runTool,
  "ksmbd.adduser": async () => (await import("./cli/adduser.ts")).runTool,
  "ksmbd.control": async () => (await import("./cli/control.ts")).runTool,
  "ksmbd.addshare": async () => (await import("./cli/addshare.ts")).runTool,
};

const ALIASES: Readonly<Record<string, string>> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

async function runVerb(): Promise<number> {
  const words = process.argv.slice(2);
  const tool = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
  if (Object.hasOwn(TOOLS, tool) && words[0] !== "serve") return (await TOOLS[tool]?.())?.(words) ?? 1;
  const given = words[0] ?? "help";
  const verb = ALIASES[given] ?? given;
  const load = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (!load) throw new Error(`there is no command '${given}', see minismbd help`);
  return (await load())(words.slice(1));
}

export {};

try {
  process.exit(await runVerb());
} catch (error) {
  process.stderr.write(`minismbd: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
