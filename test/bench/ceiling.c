// The ceiling of the benchmark: a server that answers READ and WRITE requests with the file's bytes and does
// nothing else of SMB. One process a connection, blocking calls: recv and pwrite, pread and send.
// Usage: ceiling READ-FILE WRITE-FILE. Listens on a free port of 127.0.0.1, which it prints.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// [MS-SMB2] 2.2.1, 2.2.19 to 2.2.22.
enum { COMMAND = 12, BODY = 64, READ = 8, WRITE = 9, REQUEST = 112, READ_HEAD = 80, WRITE_REPLY = 80 };
enum { LARGEST = 8 << 20 };

static int take(int fd, uint8_t *to, size_t length) {
  while (length > 0) {
    ssize_t n = recv(fd, to, length, 0);
    if (n <= 0) return -1;
    to += n;
    length -= (size_t)n;
  }
  return 0;
}

static int give(int fd, const uint8_t *from, size_t length) {
  while (length > 0) {
    ssize_t n = send(fd, from, length, MSG_NOSIGNAL);
    if (n <= 0) return -1;
    from += n;
    length -= (size_t)n;
  }
  return 0;
}

static void serve(int fd, int reads, int writes) {
  static uint8_t request[LARGEST + 256], reply[LARGEST + 256];
  for (;;) {
    uint8_t head[4];
    if (take(fd, head, 4) != 0) return;
    size_t length = (size_t)(head[1] << 16 | head[2] << 8 | head[3]), answered = WRITE_REPLY;
    if (length < REQUEST || length > sizeof request || take(fd, request, length) != 0) return;
    uint32_t bytes;
    uint64_t offset;
    memcpy(&bytes, request + BODY + 4, 4);
    memcpy(&offset, request + BODY + 8, 8);
    memcpy(reply + 4, request, BODY);
    memset(reply + 4 + 8, 0, 4);
    if (request[COMMAND] == READ) {
      if (bytes > LARGEST || pread(reads, reply + 4 + READ_HEAD, bytes, (off_t)offset) != (ssize_t)bytes) return;
      answered = READ_HEAD + bytes;
    } else if (bytes > length - REQUEST ||
               pwrite(writes, request + REQUEST, bytes, (off_t)offset) != (ssize_t)bytes) {
      return;
    }
    reply[0] = 0, reply[1] = (uint8_t)(answered >> 16), reply[2] = (uint8_t)(answered >> 8), reply[3] = (uint8_t)answered;
    if (give(fd, reply, 4 + answered) != 0) return;
  }
}

int main(int argc, char **argv) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (argc != 3 || bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 64) != 0) return 1;
  getsockname(listener, (struct sockaddr *)&at, &size);
  signal(SIGCHLD, SIG_IGN);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  for (int number = 0;; number++) {
    int fd = accept(listener, 0, 0);
    if (fd < 0) return 1;
    if (fork() == 0) {
      char path[4096];
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      snprintf(path, sizeof path, "%s-%d", argv[2], number % 3);
      serve(fd, open(argv[1], O_RDONLY), open(path, O_RDWR | O_CREAT | O_TRUNC, 0644));
      _exit(0);
    }
    close(fd);
  }
}
