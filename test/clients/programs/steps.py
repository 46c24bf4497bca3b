# Steps of the Python programs: each prints PASS or FAIL and its name, so that the runner can count them.
import os
import random

HOST = os.environ["SMB_SERVER"]
USER = os.environ["SMB_USER"]
PASSWORD = os.environ["SMB_PASSWORD"]
SHARE = "share"
DATA = random.Random(1).randbytes(3_000_000)


def step(name, action):
    try:
        action()
        print("PASS", name)
    except Exception as error:
        print("FAIL", name + ":", repr(error)[:300].replace("\n", " "))


def must_fail(action):
    try:
        action()
    except Exception:
        return
    raise AssertionError("it succeeded")


def expect(got, wanted):
    if got != wanted:
        raise AssertionError("%s instead of %s" % (repr(got)[:80], repr(wanted)[:80]))
