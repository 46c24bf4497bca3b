# A service manager, as far as sd_notify(3)'s FDSTORE, FDSTOREREMOVE and sd_listen_fds(3) go: runs a server and keeps its
# listening sockets while the server is restarted. socket-keeper.py [--listen HOST:PORT] COMMAND...
# SIGUSR1 stops the server, SIGUSR2 starts it again, SIGTERM ends both.
import array
import os
import select
import signal
import socket
import sys
import tempfile

words = sys.argv[1:]
stored = {}
if words[0] == "--listen":
    host, port = words[1].rsplit(":", 1)
    stored["given"] = socket.create_server((host, int(port)))
    words = words[2:]
directory = tempfile.mkdtemp(prefix="minismbd-keeper-")
path = os.path.join(directory, "notify")
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
child = 0


def start():
    global child
    child = os.fork()
    if child != 0:
        return
    # Duplicates first: one of them may have a number that is to be another's.
    copies = [os.dup(each.fileno()) for each in stored.values()]
    high = [os.dup2(fd, 100 + index) for index, fd in enumerate(copies)]
    for index, fd in enumerate(high):
        os.dup2(fd, 3 + index, inheritable=True)
    os.closerange(3 + len(high), 200)
    environment = {"NOTIFY_SOCKET": path}
    if high:
        environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)))
    os.execve(words[0], words, {**os.environ, **environment})


def stop():
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    take()
    return status


def take():
    """Takes what the server has sent."""
    while select.select([notify], [], [], 0)[0]:
        fds = array.array("i")
        text, ancillary, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(4))
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data)
        fields = dict(line.split("=", 1) for line in text.decode().splitlines())
        name = fields.get("FDNAME", "stored")
        if "FDSTOREREMOVE" in fields:
            stored.pop(name, None)
            print(f"keeper: dropped {name}", flush=True)
        for fd in fds:
            known = {os.fstat(each.fileno()).st_ino for each in stored.values()}
            if os.fstat(fd).st_ino in known:
                os.close(fd)
            else:
                stored[name] = socket.socket(fileno=fd)
                print(f"keeper: keeps {name}", flush=True)


wanted = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGCHLD]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
start_mask = wanted[:3]
os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, start_mask))
start()
while True:
    take()
    got = signal.sigtimedwait(start_mask, 0.02)
    if got is None:
        continue
    if got.si_signo == signal.SIGUSR1:
        stop()
        print("keeper: stopped", flush=True)
    elif got.si_signo == signal.SIGUSR2:
        start()
    else:
        status = stop()
        os.unlink(path)
        os.rmdir(directory)
        sys.exit(os.waitstatus_to_exitcode(status))
