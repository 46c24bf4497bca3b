# A neighbour that sends datagrams: asker.py FROM ADDRESS PORT COUNT HEX... . Sends all of them COUNT times from the address FROM,
# and prints each answer of the next second as `answer BYTES HEX`, then `sent BYTES answered BYTES`. With COUNT 0 it sends them
# once and closes its socket at once.
import socket
import sys
import time

source, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
datagrams = [bytes.fromhex(text) for text in sys.argv[5:]]
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
asker.bind((source, 0))
sent = answered = 0
for _ in range(max(1, count)):
    for datagram in datagrams:
        asker.sendto(datagram, (address, port))
        sent += len(datagram)
end = time.monotonic() + (1 if count else 0)
while time.monotonic() < end:
    asker.settimeout(max(0.01, end - time.monotonic()))
    try:
        answer, _ = asker.recvfrom(9000)
    except socket.timeout:
        break
    answered += len(answer)
    print("answer", len(answer), answer.hex(), flush=True)
asker.close()
print("sent", sent, "answered", answered, flush=True)
