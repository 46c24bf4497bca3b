# A client that negotiates again and again: pinger.py ADDRESS SECONDS. Prints `slowest MS` of a negotiation.
import socket
import sys
import time

address, seconds = sys.argv[1], float(sys.argv[2])
# SMB_COM_NEGOTIATE with the dialect `SMB 2.???`, which every server of SMB2 answers; [MS-SMB2] 3.3.5.3.
header = b"\xffSMB\x72" + bytes(4) + b"\x18\x01\xc8" + bytes(20)
dialects = b"\x02SMB 2.???\x00"
message = header + b"\x00" + len(dialects).to_bytes(2, "little") + dialects
slowest = 0.0
end = time.monotonic() + seconds
print("pinging", flush=True)
while time.monotonic() < end:
    began = time.monotonic()
    client = socket.create_connection((address, 445), 20)
    client.settimeout(20)
    client.sendall(len(message).to_bytes(4, "big") + message)
    assert len(client.recv(1000)) > 60
    client.close()
    slowest = max(slowest, time.monotonic() - began)
    time.sleep(0.02)
print("slowest", round(slowest * 1000), flush=True)
