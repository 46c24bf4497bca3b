// The benchmark's client: sends prepared frames over one or many connections, keeps a number of them in
// flight and counts the replies. A shared library that load.ts calls; log-on and frames are made there.
// What a reply carries beyond its headers is dropped in the kernel (MSG_TRUNC, tcp(7)), so that the client
// costs less than any server that it measures.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// [MS-SMB2] 2.2.1: offsets in the header, and of FileId in the CREATE response (2.2.14).
enum { PROTOCOL = 0, CHARGE = 6, STATUS = 8, NEXT = 20, MESSAGE_ID = 24, HEADER = 64, CREATED_FILE_ID = 128 };
enum { SMB2 = 0x424d53fe, PENDING = 0x103, NO_MORE_FILES = 0x80000006 };
enum { FIRST = 1, PATCH_IDS = 2, TAKES_FILE = 4, PUTS_FILE = 8, REPEATS = 16, BEGINS = 32 };
enum { LANES = 64, READ_AHEAD = 4096 };

// One request; load.ts writes the same layout. FIRST begins a chain: its steps follow one another. BEGINS is
// where a connection may begin in a list that is repeated.
struct step {
  uint8_t *frame;
  uint8_t *tail;          // data that follows the frame's own bytes
  uint32_t frame_length;
  uint32_t tail_length;
  uint32_t least;         // length of the shortest successful reply
  uint32_t flags;
  uint32_t file_at;       // where the frame's FileId stands, PUTS_FILE
  uint32_t reserved;
};

struct lane {
  struct step *step;      // null: idle
  uint64_t id, ids;       // message ids of the request under way
  uint64_t sent_at;
  uint8_t file[16];
};

struct connection {
  int fd;
  uint32_t count, next;
  struct step *steps;
  uint64_t message_id;
  struct lane lanes[LANES];
  uint32_t busy;
  struct lane *queue[LANES]; // lanes whose frame is to be sent; the first may be sent in part
  uint32_t queued;
  size_t sent;
  int wants_out;
  uint8_t ahead[READ_AHEAD];
  size_t ahead_from, ahead_to;
};

struct result {
  uint64_t ns, requests, chains, bytes, failed_status, latencies;
};

struct run {
  struct connection *connections;
  uint32_t count, depth, is_sealed;
  uint64_t end_at;        // 0: each connection sends its steps once
  struct result *result;
  uint32_t *latencies;    // in units of 100 ns
  uint64_t room;
  int epoll;
};

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t get32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
static uint16_t get16(const uint8_t *at) { uint16_t v; memcpy(&v, at, 2); return v; }
static uint64_t get64(const uint8_t *at) { uint64_t v; memcpy(&v, at, 8); return v; }
static void put64(uint8_t *at, uint64_t v) { memcpy(at, &v, 8); }

// Connects to an IPv4 address; -errno on failure.
int load_connect(const char *host, int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &to.sin_addr);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) { int e = errno; close(fd); return -e; }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static int move_all(int fd, uint8_t *bytes, size_t length, int sends) {
  for (size_t at = 0; at < length;) {
    ssize_t n = sends ? send(fd, bytes + at, length - at, MSG_NOSIGNAL) : recv(fd, bytes + at, length - at, 0);
    if (n <= 0) return -1;
    at += (size_t)n;
  }
  return 0;
}

int load_send(int fd, uint8_t *bytes, int length) { return move_all(fd, bytes, (size_t)length, 1); }

// Receives one frame's message. Its length; 0: none within the time-out; -1: closed.
int load_receive(int fd, uint8_t *bytes, int room, int timeout_ms) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  if (poll(&wait, 1, timeout_ms) == 0) return 0;
  uint8_t head[4];
  if (move_all(fd, head, 4, 0) != 0) return -1;
  int length = head[1] << 16 | head[2] << 8 | head[3];
  if (length > room) return -1;
  return move_all(fd, bytes, (size_t)length, 0) == 0 ? length : -1;
}

void load_close(int fd) { close(fd); }

// Gives each member of a frame its message ids and CreditCharge's worth of further ones.
static void patch_ids(struct connection *c, struct step *step, struct lane *lane) {
  lane->id = c->message_id;
  if (!(step->flags & PATCH_IDS)) { lane->ids = 1; return; }
  for (uint8_t *at = step->frame;;) {
    put64(at + MESSAGE_ID, c->message_id);
    uint16_t charge = get16(at + CHARGE);
    c->message_id += charge ? charge : 1;
    uint32_t next = get32(at + NEXT);
    if (next == 0) break;
    at += next;
  }
  lane->ids = c->message_id - lane->id;
}

static int watch(struct run *run, struct connection *c, int out) {
  if (c->wants_out == out) return 0;
  c->wants_out = out;
  struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
  return epoll_ctl(run->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

// Sends what is queued as far as the socket takes it.
static int flush(struct run *run, struct connection *c) {
  while (c->queued > 0) {
    struct step *step = c->queue[0]->step;
    uint32_t length = step->frame_length + step->tail_length;
    uint8_t head[4] = {0, (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    struct iovec parts[3] = {{head, 4}, {step->frame, step->frame_length}, {step->tail, step->tail_length}};
    size_t skip = c->sent, total = 4 + (size_t)length;
    for (int i = 0; i < 3; i++) {
      size_t cut = skip < parts[i].iov_len ? skip : parts[i].iov_len;
      parts[i].iov_base = (uint8_t *)parts[i].iov_base + cut;
      parts[i].iov_len -= cut;
      skip -= cut;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    ssize_t n = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? watch(run, c, 1) : -1;
    c->sent += (size_t)n;
    if (c->sent < total) continue;
    c->sent = 0;
    c->queued--;
    memmove(c->queue, c->queue + 1, c->queued * sizeof c->queue[0]);
  }
  return watch(run, c, 0);
}

static void start(struct connection *c, struct lane *lane, struct step *step) {
  lane->step = step;
  patch_ids(c, step, lane);
  if (step->flags & PUTS_FILE) memcpy(step->frame + step->file_at, lane->file, 16);
  lane->sent_at = now();
  c->queue[c->queued++] = lane;
}

// Starts the next chain in an idle lane, if there is one.
static void start_chain(struct run *run, struct connection *c, struct lane *lane) {
  if (run->end_at != 0) {
    if (now() >= run->end_at) return;
    if (c->next >= c->count) c->next = 0;
  }
  if (c->next >= c->count) return;
  struct step *step = &c->steps[c->next++];
  while (c->next < c->count && !(c->steps[c->next].flags & FIRST)) c->next++;
  c->busy++;
  start(c, lane, step);
}

static struct lane *lane_of(struct run *run, struct connection *c, const uint8_t *reply) {
  int is_plain = !run->is_sealed;
  uint64_t id = get64(reply + MESSAGE_ID);
  struct lane *oldest = 0;
  for (uint32_t i = 0; i < run->depth; i++) {
    struct lane *lane = &c->lanes[i];
    if (lane->step == 0) continue;
    if (is_plain && (lane->step->flags & PATCH_IDS) && id - lane->id < lane->ids) return lane;
    if (oldest == 0 || lane->sent_at < oldest->sent_at) oldest = lane;
  }
  return oldest;
}

// The first status of the reply's members that is not 0, as far as they are at hand.
static uint32_t status_of(const uint8_t *reply, size_t length) {
  for (size_t at = 0; at + HEADER <= length;) {
    uint32_t status = get32(reply + at + STATUS), next = get32(reply + at + NEXT);
    if (status != 0 || next == 0) return status;
    at += next;
  }
  return 0;
}

static int take_reply(struct run *run, struct connection *c, const uint8_t *reply, size_t kept, size_t length) {
  struct lane *lane = lane_of(run, c, reply);
  if (lane == 0) return -1;
  struct step *step = lane->step;
  uint32_t status = run->is_sealed ? 0 : status_of(reply, kept);
  // A sealed interim reply is told by its length.
  if (status == PENDING || (run->is_sealed && length < step->least)) return 0;
  int is_end = (step->flags & REPEATS) && status == NO_MORE_FILES;
  if ((status != 0 || length < step->least) && !is_end) {
    run->result->failed_status = status ? status : 1;
    return -1;
  }
  run->result->requests++;
  run->result->bytes += length;
  if (run->result->latencies < run->room)
    run->latencies[run->result->latencies++] = (uint32_t)((now() - lane->sent_at) / 100);
  if (step->flags & TAKES_FILE) memcpy(lane->file, reply + CREATED_FILE_ID, 16);
  if ((step->flags & REPEATS) && !is_end) {
    start(c, lane, step);
  } else if (step + 1 < c->steps + c->count && !(step[1].flags & FIRST)) {
    start(c, lane, step + 1);
  } else {
    run->result->chains++;
    c->busy--;
    lane->step = 0;
    start_chain(run, c, lane);
  }
  return flush(run, c);
}

static int skip(struct connection *c, size_t left) {
  while (left > 0) {
    ssize_t n = recv(c->fd, c->ahead, left, MSG_TRUNC | MSG_WAITALL);
    if (n <= 0) return -1;
    left -= (size_t)n;
  }
  return 0;
}

// Takes all whole replies that the socket has; of a large one the head is enough to wait for the rest.
static int receive(struct run *run, struct connection *c) {
  for (;;) {
    size_t have = c->ahead_to - c->ahead_from;
    uint8_t *head = c->ahead + c->ahead_from;
    size_t length = have < 4 ? 0 : (size_t)(head[1] << 16 | head[2] << 8 | head[3]);
    size_t wanted = have < 4 ? 4 : 4 + (length < 1024 ? length : 1024);
    if (have >= wanted) {
      size_t kept = have - 4 < length ? have - 4 : length;
      uint8_t copy[READ_AHEAD];
      memcpy(copy, head + 4, kept);
      c->ahead_from += 4 + kept;
      if (skip(c, length - kept) != 0 || take_reply(run, c, copy, kept, length) != 0) return -1;
      continue;
    }
    memmove(c->ahead, head, have);
    c->ahead_from = 0;
    c->ahead_to = have;
    ssize_t n = recv(c->fd, c->ahead + have, READ_AHEAD - have, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) return -1;
    c->ahead_to += (size_t)n;
  }
}

// Runs the steps of all connections; `seconds` above 0 repeats them for that long. 0, or -1 on failure.
int load_run(int *fds, struct step **steps, uint32_t *counts, uint64_t *ids, uint32_t count, uint32_t depth,
             uint32_t is_sealed, double seconds, struct result *result, uint32_t *latencies, uint32_t room) {
  struct connection *all = calloc(count, sizeof *all);
  struct run run = {all, count, depth < LANES ? depth : LANES, is_sealed, 0, result, latencies, room, epoll_create1(0)};
  int failed = 0;
  uint64_t began = now();
  if (seconds > 0) run.end_at = began + (uint64_t)(seconds * 1e9);
  for (uint32_t i = 0; i < count && !failed; i++) {
    struct connection *c = &all[i];
    c->fd = fds[i], c->steps = steps[i], c->count = counts[i], c->message_id = ids[i];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &event);
    // Connections begin at different places of equal lists.
    if (run.end_at != 0 && count > 1) {
      c->next = (uint32_t)((uint64_t)c->count * i / count);
      while (c->next < c->count && !(c->steps[c->next].flags & BEGINS)) c->next++;
    }
    for (uint32_t lane = 0; lane < run.depth; lane++) start_chain(&run, c, &c->lanes[lane]);
    failed = flush(&run, c);
  }
  for (;;) {
    uint32_t busy = 0;
    for (uint32_t i = 0; i < count; i++) busy += all[i].busy;
    if (busy == 0 || failed) break;
    struct epoll_event events[64];
    int ready = epoll_wait(run.epoll, events, 64, 30000);
    if (ready <= 0) failed = -1;
    for (int i = 0; i < ready && !failed; i++) {
      struct connection *c = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) failed = flush(&run, c);
      if (!failed && (events[i].events & ~(uint32_t)EPOLLOUT)) failed = receive(&run, c);
    }
  }
  result->ns = now() - began;
  close(run.epoll);
  free(all);
  return failed;
}
