# A neighbour that knows DNS-SD, by python3-zeroconf: prints what it finds of _smb._tcp or _adisk._tcp, or holds
# a name itself.
import socket
import sys
import time
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf


class Printer(ServiceListener):
    def add_service(self, zc, kind, name):
        info = zc.get_service_info(kind, name, 3000)
        if info is None:
            print("unresolved", name, flush=True)
            return
        addresses = ",".join(sorted(a for a in info.parsed_addresses() if ":" not in a))
        print("found", name.split(".")[0], info.server, info.port, addresses, len(info.text), flush=True)

    def remove_service(self, zc, kind, name):
        print("gone", name.split(".")[0], flush=True)

    def update_service(self, zc, kind, name):
        pass


class DiskPrinter(Printer):
    def add_service(self, zc, kind, name):
        info = zc.get_service_info(kind, name, 3000)
        if info is None:
            print("unresolved", name, flush=True)
            return
        strings, rest = [], info.text
        while rest:
            strings.append(rest[1 : 1 + rest[0]].decode())
            rest = rest[1 + rest[0] :]
        print("disks", name.split(".")[0], info.port, *strings, sep=" | ", flush=True)

    def update_service(self, zc, kind, name):
        self.add_service(zc, kind, name)


mode, address, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
zc = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
if mode == "hold":
    name = sys.argv[4]
    kind = "_smb._tcp.local."
    info = ServiceInfo(kind, f"{name}.{kind}", 445, addresses=[socket.inet_aton(address)], server=f"{name}.local.")
    zc.register_service(info)
    print("holding", flush=True)
else:
    if mode == "disks":
        ServiceBrowser(zc, "_adisk._tcp.local.", DiskPrinter())
    else:
        ServiceBrowser(zc, "_smb._tcp.local.", Printer())
    print("browsing", flush=True)
time.sleep(seconds)
zc.close()
