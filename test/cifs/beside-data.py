#!/usr/bin/env python3
"""Compares the metadata that a server stores with files with what another server on the same directory returns.

    beside-data.py write FOLDER MOUNT    creates FOLDER in the share mounted on MOUNT, with attributes, times, extended
                                         attributes (by the kernel's client), streams (smbclient), ACLs (smbcacls)
    beside-data.py read FOLDER MOUNT OUT reads this metadata back through the running server and writes it to OUT as JSON
    beside-data.py compare A B           compares two such files; exit status 0 if they are equal

The server listens on 127.0.0.1:445 with the share data, and user and password rig.
"""
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile

SHARE = "//127.0.0.1/data"
USER = "rig%rig"
LONG_AGO = 1_000_000_000_123_456_700
FLAGS = {"readonly": 0x21, "hidden": 0x22, "system": 0x24, "archive": 0x20, "normal": 0x80, "all": 0x27}
ATTRIBUTES = {"user.colour": b"blue", "user.bytes": bytes(range(256)), "user.large": random.Random(1).randbytes(3000)}
STREAMS = {
    "small": b"0123456789", "ends-in-zero": b"data\0", "ends-in-zeros": b"data\0\0\0", "ends-in-three": b"data\3",
    "empty": b"", "one-zero": b"\0", "AFP_AfpInfo": b"AFP" + bytes(57), "Zone.Identifier": b"[ZoneTransfer]\r\nZoneId=3\r\n",
    "3000": random.Random(2).randbytes(3000), "30000": random.Random(3).randbytes(30000), "60000": random.Random(4).randbytes(60000),
}
RIGHTS = {
    "acl-added": ["-a", "ACL:S-1-1-0:ALLOWED/0x0/READ"],
    "acl-denied": ["-a", "ACL:S-1-5-21-1-2-3-1001:DENIED/0x0/CHANGE"],
    "acl-full": ["-S", "REVISION:1,OWNER:S-1-5-32-544,GROUP:S-1-1-0,ACL:S-1-1-0:ALLOWED/0x0/FULL,ACL:S-1-5-21-1-2-3-1002:ALLOWED/0x0/0x00120089"],
    "acl-folder": ["-a", "ACL:S-1-5-21-1-2-3-1003:ALLOWED/OI|CI/FULL"],
}


def smbclient(*commands):
    done = subprocess.run(["smbclient", SHARE, "-U", USER, "-c", "; ".join(commands)], capture_output=True, text=True)
    return done.stdout + done.stderr


def smbcacls(path, *arguments):
    done = subprocess.run(["smbcacls", SHARE, path, "-U", USER, "--numeric", *arguments], capture_output=True, text=True)
    return [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def tell(what, action):
    try:
        action()
    except OSError as error:
        print(f"refused {what}: {error.strerror}")


def write(folder, mount):
    top = os.path.join(mount, folder)
    os.mkdir(top)
    for name, flags in FLAGS.items():
        path = os.path.join(top, name)
        open(path, "w").close()
        ticks = (LONG_AGO // 100 + 116_444_736_000_000_000).to_bytes(8, "little")
        tell(f"{name} creation", lambda: os.setxattr(path, "user.cifs.creationtime", ticks))
        tell(f"{name} times", lambda: os.utime(path, ns=(LONG_AGO, LONG_AGO)))
        tell(f"{name} attributes", lambda: os.setxattr(path, "user.cifs.dosattrib", flags.to_bytes(4, "little")))
    os.mkdir(os.path.join(top, "hidden-folder"))
    tell("folder", lambda: os.setxattr(os.path.join(top, "hidden-folder"), "user.cifs.dosattrib", (0x12).to_bytes(4, "little")))
    for name in ("ea", "ea-folder"):
        path = os.path.join(top, name)
        os.mkdir(path) if "folder" in name else open(path, "w").close()
        for key, value in ATTRIBUTES.items():
            tell(f"{name} {key}", lambda: os.setxattr(path, key, value))
    for name in ("streams", "streams-folder"):
        path = os.path.join(top, name)
        os.mkdir(path) if "folder" in name else open(path, "w").close()
        with tempfile.TemporaryDirectory() as local:
            commands = [f"lcd {local}"]
            for stream, data in STREAMS.items():
                with open(os.path.join(local, stream), "wb") as file:
                    file.write(data)
                commands.append(f'put "{stream}" "{folder}/{name}:{stream}"')
            for line in smbclient(*commands).splitlines():
                if "NT_STATUS" in line:
                    print(f"refused {line}")
    for name, arguments in RIGHTS.items():
        path = os.path.join(top, name)
        os.mkdir(path) if "folder" in name else open(path, "w").close()
        for line in smbcacls(f"{folder}/{name}", *arguments):
            print(f"smbcacls {name}: {line}")
        if "folder" in name:
            open(os.path.join(path, "inherited"), "w").close()
            os.mkdir(os.path.join(path, "inherited-folder"))


def digest(data):
    return f"{len(data)}:{hashlib.sha256(data).hexdigest()[:12]}"


def facts_of(folder, mount, relative):
    path = os.path.join(mount, folder, relative)
    facts = {}
    for key in ("user.cifs.dosattrib", "user.cifs.creationtime"):
        try:
            facts[key] = os.getxattr(path, key).hex()
        except OSError as error:
            facts[key] = error.strerror
    facts["mtime"] = os.stat(path).st_mtime_ns
    try:
        facts["names"] = sorted(name for name in os.listxattr(path) if name.startswith("user."))
        for key in facts["names"]:
            facts[key] = digest(os.getxattr(path, key))
    except OSError as error:
        facts["names"] = error.strerror
    text = smbclient(f'allinfo "{folder}/{relative}"')
    facts["allinfo"] = sorted(line for line in text.splitlines() if re.match(r"(attributes|stream|NT_STATUS)", line) and "alt name" not in line)
    if relative in ("streams", "streams-folder"):
        with tempfile.TemporaryDirectory() as local:
            smbclient(f"lcd {local}", *[f'get "{folder}/{relative}:{stream}" "{stream}"' for stream in STREAMS])
            for stream, data in STREAMS.items():
                try:
                    with open(os.path.join(local, stream), "rb") as file:
                        found = file.read()
                    facts[f"stream {stream}"] = "as written" if found == data else f"{digest(found)} not {digest(data)}"
                except OSError as error:
                    facts[f"stream {stream}"] = error.strerror
    if relative.startswith("acl"):
        facts["rights"] = smbcacls(f"{folder}/{relative}")
    return facts


def read(folder, mount, out):
    top = os.path.join(mount, folder)
    found = {}
    for base, folders, files in os.walk(top):
        for name in folders + files:
            relative = os.path.relpath(os.path.join(base, name), top)
            found[relative] = facts_of(folder, mount, relative)
    with open(out, "w") as file:
        json.dump(found, file, indent=1, sort_keys=True)
    print(f"{len(found)} objects read")


def compare(first, second):
    with open(first) as a, open(second) as b:
        one, two = json.load(a), json.load(b)
    count = 0
    for name in sorted(set(one) | set(two)):
        for key in sorted(set(one.get(name, {})) | set(two.get(name, {}))):
            was, now = one.get(name, {}).get(key), two.get(name, {}).get(key)
            if was != now:
                count += 1
                print(f"DIFFERENT {name} {key}\n   {was}\n   {now}")
    print(f"{count} differences in {len(one)} and {len(two)} objects")
    return 1 if count else 0


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    sys.exit({"write": write, "read": read, "compare": compare}[command](*rest))
