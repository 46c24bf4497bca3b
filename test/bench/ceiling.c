// The ceiling of the benchmark: a server that answers READ and WRITE requests with the file's bytes, ECHO with a header,
// and does nothing else of SMB. One process a connection, blocking calls: recv and pwrite, pread and send.
// Usage: ceiling FOLDER … Listens on a free port of 127.0.0.1, which it prints. A request's TreeId says which files it is
// for: twice the index of the folder for `big` and `written-ceiling-N`, which is made anew; one more for `random`.
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

// [MS-SMB2] 2.2.1, 2.2.19 to 2.2.22, 2.2.28, 2.2.29.
enum { COMMAND = 12, TREE_ID = 36, BODY = 64, READ = 8, WRITE = 9, ECHO = 13 };
enum { REQUEST = 112, READ_HEAD = 80, WRITE_REPLY = 80, ECHO_BYTES = 68 };
enum { LARGEST = 8 << 20, FILES = 8 };

struct files {
  const char *folder;
  int number;             // of the connection, modulo the writers of a row
  int reads, writes;      // -1: not open yet
};

static void open_files(struct files *of, int is_random) {
  char path[4096];
  if (of->reads >= 0) return;
  snprintf(path, sizeof path, "%s/%s", of->folder, is_random ? "random" : "big");
  of->reads = open(path, is_random ? O_RDWR : O_RDONLY);
  of->writes = of->reads;
  if (is_random) return;
  snprintf(path, sizeof path, "%s/written-ceiling-%d", of->folder, of->number);
  of->writes = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
}

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

static void serve(int fd, struct files *files, uint32_t count) {
  static uint8_t request[LARGEST + 256], reply[LARGEST + 256];
  for (;;) {
    uint8_t head[4];
    if (take(fd, head, 4) != 0) return;
    size_t length = (size_t)(head[1] << 16 | head[2] << 8 | head[3]), answered = WRITE_REPLY;
    if (length < ECHO_BYTES || length > sizeof request || take(fd, request, length) != 0) return;
    uint32_t bytes, tree;
    uint64_t offset;
    memcpy(&tree, request + TREE_ID, 4);
    memcpy(reply + 4, request, BODY);
    memset(reply + 4 + 8, 0, 4);
    if (request[COMMAND] == ECHO) {
      answered = ECHO_BYTES;
    } else {
      if (length < REQUEST || tree >= count) return;
      struct files *of = &files[tree];
      open_files(of, tree & 1);
      memcpy(&bytes, request + BODY + 4, 4);
      memcpy(&offset, request + BODY + 8, 8);
      if (request[COMMAND] == READ) {
        if (bytes > LARGEST || pread(of->reads, reply + 4 + READ_HEAD, bytes, (off_t)offset) != (ssize_t)bytes) return;
        answered = READ_HEAD + bytes;
      } else if (bytes > length - REQUEST ||
                 pwrite(of->writes, request + REQUEST, bytes, (off_t)offset) != (ssize_t)bytes) {
        return;
      }
    }
    reply[0] = 0, reply[1] = (uint8_t)(answered >> 16), reply[2] = (uint8_t)(answered >> 8), reply[3] = (uint8_t)answered;
    if (give(fd, reply, 4 + answered) != 0) return;
  }
}

int main(int argc, char **argv) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (argc < 2 || argc > FILES / 2 + 1 || bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 64) != 0) return 1;
  getsockname(listener, (struct sockaddr *)&at, &size);
  signal(SIGCHLD, SIG_IGN);
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  for (int number = 0;; number++) {
    int fd = accept(listener, 0, 0);
    if (fd < 0) return 1;
    if (fork() == 0) {
      struct files files[FILES];
      uint32_t count = 2 * (uint32_t)(argc - 1);
      for (uint32_t i = 0; i < count; i++) files[i] = (struct files){argv[1 + i / 2], number % 10, -1, -1};
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      serve(fd, files, count);
      _exit(0);
    }
    close(fd);
  }
}
