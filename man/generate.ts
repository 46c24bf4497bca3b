// Generates the man pages (man-pages(7), groff_man(7)) and the README's option reference from the parameter
// schema and the commands' option tables: `npm run docs`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PARAMETERS } from "../src/manager/config/schema.ts";
import type { Parameter } from "../src/manager/config/schema/parameter.ts";
import type { Option } from "../src/cli/arguments.ts";
import { COMMANDS } from "./commands.ts";
import { bashCompletion, zshCompletion } from "./completion.ts";
import { limitsTable } from "./limits.ts";
import { operationsTable } from "./operations.ts";
import { CONFIG_FILE, PASSWORD_FILE } from "../src/manager/paths.ts";

const ROOT = join(import.meta.dir, "..");
const BEGIN = "<!-- options: begin; written by npm run docs -->";
const END = "<!-- options: end -->";

const parameters = PARAMETERS as readonly Parameter[];

/** Every generated file: path below the root -> text. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  return new Map([
    ["man/minismbd.8", commandPage()],
    ["man/minismbd.conf.5", configurationPage()],
    ["man/minismbd.bash", bashCompletion()],
    ["man/_minismbd", zshCompletion()],
    ["README.md", replaceReference(readme)],
    ["docs/api.md", replaceOperations(readFileSync(join(ROOT, "docs/api.md"), "utf8"))],
  ]);
}

const OPERATIONS_BEGIN = "<!-- operations: begin; written by npm run docs -->";
const OPERATIONS_END = "<!-- operations: end -->";

function replaceOperations(text: string): string {
  return replaceBetween(text, OPERATIONS_BEGIN, OPERATIONS_END, operationsTable());
}

function replaceBetween(text: string, beginMark: string, endMark: string, what: string): string {
  const begin = text.indexOf(beginMark);
  const end = text.indexOf(endMark);
  if (begin < 0 || end < begin) throw new Error(`the mark '${beginMark}' or its end is missing`);
  return `${text.slice(0, begin + beginMark.length)}\n\n${what}\n${text.slice(end)}`;
}

function replaceReference(readme: string): string {
  return replaceBetween(readme, BEGIN, END, referenceTables());
}

// ---- README

function referenceTables(): string {
  const globals = parameters.filter(({ scope }) => scope !== "share");
  const shares = parameters.filter(({ scope }) => scope !== "global");
  return `${referenceTable("[global]", globals)}\n${referenceTable("A share", shares)}\n${limitsTable()}`;
}

function referenceTable(title: string, rows: readonly Parameter[]): string {
  const lines = rows.map((row) => {
    const names = [row.name, ...(row.aliases ?? [])].map((name) => `\`${name}\``).join(", ");
    const inverse = row.inverse ? `; opposite: ${row.inverse.map((name) => `\`${name}\``).join(", ")}` : "";
    return `| ${names}${inverse} | ${defaultOf(row, "`")} | ${row.help} |`;
  });
  return `### ${title}\n\n| parameter | default | meaning |\n| --- | --- | --- |\n${lines.join("\n")}\n`;
}

function defaultOf(row: Parameter, quote: string): string {
  if (row.default !== "") return `${quote}${row.default}${quote}`;
  return row.defaultHelp ?? "none";
}

// ---- man pages

/** Escapes text for roff: a leading dot or quote would be a request, a plain hyphen may become a dash. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("`", "")
    .replace(/^([.'])/gm, "\\&$1");
}

function page(name: string, section: number, summary: string, body: string): string {
  const head = `.\\" Written by npm run docs.\n.TH ${name.toUpperCase()} ${section} "" minismbd\n`;
  return `${head}.SH NAME\n${roff(name)} \\- ${roff(summary)}\n${body}`;
}

function commandPage(): string {
  const synopsis = COMMANDS.map(({ usage }) => `.B ${roff(usage)}\n.br\n`).join("");
  const commands = COMMANDS.map(({ usage, text, options }) => {
    const name = usage.split(/ \[| OPTION| USER/)[0] ?? usage;
    return `.SS ${roff(name)}\n${roff(text)}\n${options.map(optionItem).join("")}`;
  }).join("");
  const body = `.SH SYNOPSIS
${synopsis}.SH DESCRIPTION
minismbd shares folders with Windows, macOS and Linux over SMB2 and SMB3. It reads ksmbd's configuration and users.
A long option may be shortened to a unique prefix.
.SH COMMANDS
${commands}.SH ENVIRONMENT
.TP
.B MINISMBD_PASSWORD
The password, if one is needed and no option gives it.
.SH FILES
.TP
.I ${CONFIG_FILE}
The configuration, see
.BR minismbd.conf (5).
.TP
.I ${PASSWORD_FILE}
The users: one line each, the name, a colon, and the NT hash in base64. Anyone who can read a hash can log on with it.
.TP
.I /run/ksmbd.lock
The process id of the server.
.SH EXIT STATUS
0 on success. 1 on failure, after one line on standard error that says what, where, and what to do.
.SH SEE ALSO
.BR minismbd.conf (5)
`;
  return page("minismbd", 8, "an SMB2 and SMB3 file server", body);
}

function optionItem({ short, long, value, help }: Option): string {
  const shown = value === undefined ? "" : value.startsWith("?") ? `[=${value.slice(1)}]` : ` ${value}`;
  const names = `${short === undefined ? "" : `-${short}, `}--${long}${shown}`;
  return `.TP\n.B ${roff(names)}\n${roff(sentence(help))}\n`;
}

function configurationPage(): string {
  const item = (row: Parameter) => `.TP\n.BR "${roff(row.name)}" " (${scopeOf(row)})"\n${itemText(row)}\n`;
  const body = `.SH DESCRIPTION
The configuration is a text file of sections:
.BR [global] ,
one for each share by its name, and one for each user as
.BR [user:NAME] .
A section has lines
.IR "NAME = VALUE" .
Case and the number of blanks in a name do not matter.
.PP
A file named smb.conf follows Samba's rules: a semicolon or a number sign begins a comment at the start of a line only,
a backslash at the end continues a line, lines before the first section belong to
.BR [global] ,
and the last value of a parameter counts. In any other file they begin a comment also in the middle of a line, lines are
not continued, and the first value that is not empty counts, as in ksmbd.conf; a value that such a comment cuts is
reported. The option
.B \\-\\-dialect
chooses the rules whatever the file's name is.
Sections of the same name are merged.
.PP
A share with any other line, or with an invalid, empty or cut value of a security parameter, or with a misspelt name of
one, is left out, and the rest is served. The same in
.B [global]
refuses the configuration. The server warns about unknown parameters.
.PP
.B "include = FILE"
reads another file in the place of the line; a relative name counts from the file with the line, %h stands for the
host's name. A file that is missing causes a warning.
A path with variables of the client (%m, %U, %G, %I, %M, %i, %j, %J, %L, %N, %a; as in Samba not %u) names a file for each
of them, which is read when he connects. It has no effect where there is none, so a rule for the machine's name %m
binds only those who use that name. Letters become small ones, and all but letters, digits, blanks and \&.\-_ become _.
A file that cannot be used, or that sets what protects and is the same for all clients, keeps its clients out.
.B "copy = SHARE"
gives a share the lines of another one above it; its own lines override them.
.PP
Blanks or commas separate the items of a list; double quotes protect a name with blanks.
.I @group
stands for the members of a group of /etc/group.
.PP
.B "invalid users"
may never connect to a share. With
.B "valid users"
nobody else may, guests included. Guests need
.BR "guest ok" .
The
.B "read list"
overrides the
.BR "write list" .
.PP
A server that runs as root accesses files as
.BR "force user" ,
else as the system user of the same name, else as the owner and the group of the share's directory, unless that is root; in place of root's group the
owner's primary group counts.
In another user's home of
.B [homes]
nobody acts as its owner.
Nor does anybody act as the owner of a directory to which a symbolic link on the way leads that belongs neither to root nor to that owner.
A guest, a user without an account in another's home, behind such a link or on a directory of root, acts as the system user
.BR minismbd ,
or as nobody where there is none.
.PP
.B [homes]
gives each user a share of his name: the home that /etc/passwd names, or
.BR path ,
where %S stands for the name. The name
.I homes
is the user's own. Values of a share may have variables: %U and %u (user), %G and %g (his primary group), %H (his home),
%I and %m (the client's address), %S (share), %h (host), %L (the server's name), %D (workgroup), %v (version). A path with
another one leaves the share out.
.PP
.B [volumes]
without a path gives a share to each disk that is plugged in: one that is mounted from a device which is removable, on USB,
or mounted below
.BR "volume directories" .
The parameters are those of the section, the name is the disk's label, without the characters that a name may not have; a disk
without a label is disk- and the beginning of its UUID. Equal names get a number. The file
.IR ksmbd.volumes ,
beside the password file, remembers the names by UUID. Shares of the configuration have priority: their names are not given
to disks, and a disk on which one of them is gets no other share.
.SH USERS
A section
.B [user:NAME]
defines a user, in addition to those of ksmbdpwd.db.
.TP
.B password
The password. It cannot have a semicolon or a number sign.
.TP
.B nt hash
The NT hash instead: 32 hexadecimal digits, or base64 as in ksmbdpwd.db.
.SH PARAMETERS
G: of [global]. S: of a share; in [global] it sets the default of all shares. GS: has a meaning of its own in [global]
and in a share.
${parameters.map(item).join("")}.SH EXAMPLE
.nf
[global]
	workgroup = HOME
	smb3 encryption = desired

[docs]
	path = /srv/docs
	read only = no
	valid users = anna @family

[public]
	path = /srv/public
	guest ok = yes
.fi
.SH SEE ALSO
.BR minismbd (8)
`;
  return page("minismbd.conf", 5, "configuration of minismbd", body);
}

function itemText(row: Parameter): string {
  const also = [...(row.aliases ?? []).map((name) => `"${name}"`)];
  const parts = [
    sentence(row.help),
    `Default: ${defaultOf(row, "")}.`,
    row.reload === "restart" ? "Takes effect at the next start." : "",
    also.length === 0 ? "" : `Also: ${also.join(", ")}.`,
    row.inverse ? `The opposite: ${row.inverse.map((name) => `"${name}"`).join(", ")}.` : "",
  ];
  return roff(parts.filter((part) => part !== "").join(" "));
}

function scopeOf({ scope }: Parameter): string {
  return scope === "global" ? "G" : scope === "share" ? "S" : "GS";
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return upper.endsWith(".") ? upper : `${upper}.`;
}

if (import.meta.main) for (const [path, text] of generatedFiles()) writeFileSync(join(ROOT, path), text);
