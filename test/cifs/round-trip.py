#!/usr/bin/env python3
"""Writes a tree with everything that a Linux client can store through a mounted share, and checks it later.

    round-trip.py write DIRECTORY MANIFEST    creates the tree and records in MANIFEST what was stored
    round-trip.py check DIRECTORY MANIFEST    run after another mount or a restart of the server: exit status 0 if
                                              nothing has changed

Operations that the mount refuses are recorded and printed: a refusal loses no data, a difference does.
"""
import errno
import hashlib
import json
import os
import random
import stat
import sys

LONG_AGO = 1_000_000_000_123_456_700
SEED = 4711
REFUSALS = {errno.EOPNOTSUPP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.ENOSPC, errno.ENODATA,
            errno.ENOENT, errno.ENAMETOOLONG, errno.EIO, errno.E2BIG, errno.ENOSYS, errno.EFBIG}

NAMES = [
    "plain", "with space", "Mixed CASE", "umlaut-\u00e4\u00f6\u00fc", "composed-\u00e9", "decomposed-e\u0301",
    "emoji-\U0001f600", "\u6f22\u5b57", ".dot", "trailing-dot.", "trailing-space ", "colon:inside", "star*", "quote\"",
    "question?", "less<greater>", "bar|", "back\\slash", "n" * 200, "con", "aux.txt", "~$office", "a" * 251 + ".txt",
]


def content(name, size):
    return random.Random(f"{SEED}{name}").randbytes(size)


def attempt(manifest, what, action):
    """Runs an action. Returns False and records the error in the manifest if it is refused."""
    try:
        action()
        return True
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        manifest["refused"].append(f"{what}: {errno.errorcode[error.errno]}")
        return False


def write_file(path, data):
    with open(path, "wb") as file:
        file.write(data)
        os.fsync(file.fileno())


def write_names(root, manifest):
    folder = os.path.join(root, "names")
    os.mkdir(folder)
    for name in NAMES:
        path = os.path.join(folder, name)
        attempt(manifest, f"name {name[:20]!r}", lambda: write_file(path, content(name, 100)))


def write_sizes(root, manifest):
    folder = os.path.join(root, "sizes")
    os.mkdir(folder)
    for size in (0, 1, 4095, 4096, 4097, 65_537, 3 * 1024 * 1024 + 1):
        write_file(os.path.join(folder, str(size)), content(f"size{size}", size))


def write_sparse(root, manifest):
    path = os.path.join(root, "sparse")
    with open(path, "wb") as file:
        file.write(b"head")
        file.seek(8 * 1024 * 1024)
        file.write(b"tail")


def write_links(root, manifest):
    folder = os.path.join(root, "links")
    os.mkdir(folder)
    target = os.path.join(folder, "target")
    write_file(target, b"target")
    attempt(manifest, "hard link", lambda: os.link(target, os.path.join(folder, "hard")))
    attempt(manifest, "symlink", lambda: os.symlink("target", os.path.join(folder, "soft")))
    attempt(manifest, "dangling symlink", lambda: os.symlink("nowhere/at all", os.path.join(folder, "dangling")))
    attempt(manifest, "fifo", lambda: os.mkfifo(os.path.join(folder, "fifo")))


def write_metadata(root, manifest):
    folder = os.path.join(root, "metadata")
    os.mkdir(folder)
    for name in ("file", "directory"):
        path = os.path.join(folder, name)
        write_file(path, content(name, 500)) if name == "file" else os.mkdir(path)
        attempt(manifest, f"{name} xattr", lambda: os.setxattr(path, "user.colour", b"blue"))
        attempt(manifest, f"{name} binary xattr", lambda: os.setxattr(path, "user.bytes", bytes(range(256))))
        attempt(manifest, f"{name} empty xattr", lambda: os.setxattr(path, "user.empty", b"x"))
        attempt(manifest, f"{name} large xattr", lambda: os.setxattr(path, "user.large", content("large", 3000)))
        # HIDDEN, SYSTEM, ARCHIVE; without READONLY, after which the times could not be set.
        attempt(manifest, f"{name} dosattrib",
                lambda: os.setxattr(path, "user.cifs.dosattrib", (0x26 if name == "file" else 0x16).to_bytes(4, "little")))
        ticks = (LONG_AGO // 100 + 116_444_736_000_000_000).to_bytes(8, "little")
        attempt(manifest, f"{name} creationtime", lambda: os.setxattr(path, "user.cifs.creationtime", ticks))
        attempt(manifest, f"{name} mode", lambda: os.chmod(path, 0o750))
        attempt(manifest, f"{name} times", lambda: os.utime(path, ns=(LONG_AGO, LONG_AGO)))


def write_streams(root, manifest):
    """Named streams are accessed as NAME:STREAM if the mount does not map the colon."""
    path = os.path.join(root, "with-streams")
    write_file(path, b"base")
    for name, size in (("small", 10), ("medium", 3000), ("large", 60_000)):
        attempt(manifest, f"stream {name}", lambda: write_file(f"{path}:{name}", content(f"stream{name}", size)))


def write_many(root, manifest):
    folder = os.path.join(root, "many")
    os.mkdir(folder)
    for index in range(300):
        write_file(os.path.join(folder, f"file-{index:04}"), b"")
    for index in range(0, 300, 3):
        os.rename(os.path.join(folder, f"file-{index:04}"), os.path.join(folder, f"renamed-{index:04}"))
    for index in range(1, 300, 3):
        os.unlink(os.path.join(folder, f"file-{index:04}"))


def xattrs_of(path):
    values = {}
    for name in ("user.colour", "user.bytes", "user.empty", "user.large", "user.cifs.dosattrib",
                 "user.cifs.creationtime", "system.cifs_acl"):
        try:
            values[name] = hashlib.sha256(os.getxattr(path, name, follow_symlinks=False)).hexdigest()
        except OSError:
            values[name] = None
    try:
        values["list"] = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        values["list"] = errno.errorcode[error.errno]
    return values


def describe(path):
    facts = os.lstat(path)
    entry = {"type": stat.S_IFMT(facts.st_mode), "mode": stat.S_IMODE(facts.st_mode), "mtime": facts.st_mtime_ns}
    if stat.S_ISLNK(facts.st_mode):
        entry["target"] = os.readlink(path)
    elif stat.S_ISREG(facts.st_mode):
        entry["size"] = facts.st_size
        entry["empty file takes blocks"] = facts.st_size == 0 and facts.st_blocks != 0
        with open(path, "rb") as file:
            entry["sha256"] = hashlib.sha256(file.read()).hexdigest()
    else:
        entry["names"] = sorted(os.listdir(path)) if stat.S_ISDIR(facts.st_mode) else None
    if "metadata" in path:
        entry["xattrs"] = xattrs_of(path)
    return entry


def survey(root):
    tree = {}
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(folder, name)
            tree[os.path.relpath(path, root)] = describe(path)
    path = os.path.join(root, "with-streams")
    for name in ("small", "medium", "large"):
        try:
            with open(f"{path}:{name}", "rb") as file:
                tree[f"stream {name}"] = hashlib.sha256(file.read()).hexdigest()
        except OSError as error:
            tree[f"stream {name}"] = errno.errorcode[error.errno]
    return tree


def expected(root, manifest):
    """Returns the errors that do not depend on how the mount reads back: wrong names, contents or block counts."""
    faults = []
    tree = manifest["tree"]
    for name in NAMES:
        entry = tree.get(os.path.join("names", name))
        if entry is None:
            if not any(line.startswith(f"name {name[:20]!r}") for line in manifest["refused"]):
                faults.append(f"name {name[:20]!r} is not listed as it was made")
        elif entry["sha256"] != hashlib.sha256(content(name, 100)).hexdigest():
            faults.append(f"name {name[:20]!r} has other bytes")
    for path, entry in tree.items():
        if isinstance(entry, dict) and entry.get("empty file takes blocks"):
            faults.append(f"{path}: empty, and takes blocks")
    return faults


def changes(old, new, prefix=""):
    """Returns the differing parts of two descriptions."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [f"{prefix or 'whole'}: {old} -> {new}"]
    lines = []
    for key in sorted(set(old) | set(new)):
        if old.get(key) != new.get(key):
            lines += changes(old.get(key), new.get(key), f"{prefix}{key} ")
    return lines


def main():
    mode, root, file = sys.argv[1:]
    root = os.path.join(root, "round-trip")
    if mode == "write":
        manifest = {"refused": []}
        os.mkdir(root)
        for part in (write_names, write_sizes, write_sparse, write_links, write_metadata, write_streams, write_many):
            part(root, manifest)
        manifest["tree"] = survey(root)
        with open(file, "w") as out:
            json.dump(manifest, out)
        for line in manifest["refused"]:
            print(f"refused\t{line}")
        for line in expected(root, manifest):
            print(f"WRONG\t{line}")
        print(f"{len(manifest['tree'])} objects")
        return 0
    with open(file) as source:
        manifest = json.load(source)
    before, after = manifest["tree"], json.loads(json.dumps(survey(root)))
    differences = [path for path in sorted(set(before) | set(after)) if before.get(path) != after.get(path)]
    for path in differences:
        print(f"DIFFERENT\t{path[:60]}\t{', '.join(changes(before.get(path), after.get(path)))}")
    print(f"{len(after)} objects, {len(differences)} different")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
