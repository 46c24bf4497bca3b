// Counts the instructions of a program under qemu-user, one counter a thread, in a file that the benchmark maps.
// A plugin of QEMU 7.2 or later (TCG plugins): qemu-aarch64 -plugin count.so,counts=PATH PROGRAM. The declarations are
// those of the documented interface (qemu-plugin.h), of which Debian has no package.
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
typedef void (*translated)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*executed)(unsigned int thread, void *instructions);
enum { NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, executed call, int flags, void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

#define EXPORT __attribute__((visibility("default")))
// Versions 1 to 4 agree in what is used here; QEMU refuses what it no longer knows.
EXPORT int qemu_plugin_version = 1;

enum { THREADS = 512, LINE = 8 };
// A thread's counter has a cache line of its own.
static uint64_t *counters;

static void count(unsigned int thread, void *instructions) {
  counters[thread % THREADS * LINE] += (uintptr_t)instructions;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(block, count, NO_REGISTERS, (void *)qemu_plugin_tb_n_insns(block));
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  (void)info;
  size_t size = THREADS * LINE * sizeof *counters;
  if (argc != 1 || strncmp(argv[0], "counts=", 7) != 0) return -1;
  int fd = open(argv[0] + 7, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) return -1;
  counters = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (counters == MAP_FAILED) return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  return 0;
}
