// A program that tries to get out of where it runs, and answers every HTTP request with what it found;
// `probe print` prints it.
// One line each: the attempt, "=", and "refused" or what came of it. Attempts need no library.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char found[65536];

static void say(const char *format, ...) {
  va_list list;
  va_start(list, format);
  size_t at = strlen(found);
  vsnprintf(found + at, sizeof found - at, format, list);
  va_end(list);
}

// What a call that must fail came to.
static void refused(const char *attempt, long result) {
  if (result < 0)
    say("%s=refused\n", attempt);
  else
    say("%s=%ld\n", attempt, result);
}

static void reads(const char *attempt, const char *path) {
  char byte;
  int file = open(path, O_RDONLY | O_NONBLOCK);
  refused(attempt, file < 0 ? -1 : read(file, &byte, 1));
  close(file);
}

static void writes(const char *attempt, const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
  refused(attempt, file < 0 ? -1 : write(file, "1", 1));
  close(file);
}

static void line_of(const char *name) {
  char line[512];
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':') {
      line[strcspn(line, "\n")] = 0;
      say("%s=%s\n", name, line + strlen(name) + 2);
    }
  if (status) fclose(status);
}

static int count(const char *path, int numbers) {
  DIR *directory = opendir(path);
  int many = 0;
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    many += numbers ? atoi(entry->d_name) > 0 : entry->d_name[0] != '.';
  if (directory) closedir(directory);
  return many;
}

static void set_user_id(void) {
  int pipes[2];
  if (pipe(pipes)) return;
  if (fork() == 0) {
    dup2(pipes[1], 1);
    const char *program = getenv("PROBE_SET_USER_ID");
    if (!program) program = "/set-user-id";
    execl(program, program, "who", NULL);
    _exit(1);
  }
  close(pipes[1]);
  char told[32] = "";
  if (read(pipes[0], told, sizeof told - 1) < 0) told[0] = 0;
  say("set-user-id=%s\n", told);
  wait(NULL);
}

static void look_around(void) {
  const char *secret = getenv("PROBE_SECRET"), *place = getenv("PROBE_PLACE");
  char path[4096];
  say("uid=%d\n", getuid());
  line_of("NoNewPrivs");
  line_of("Seccomp");
  line_of("CapEff");
  line_of("CapPrm");
  line_of("CapBnd");
  char map[256] = "";
  int file = open("/proc/self/uid_map", O_RDONLY);
  if (read(file, map, sizeof map - 1) > 0) map[strcspn(map, "\n")] = 0;
  close(file);
  say("map=%s\n", map);
  // This, process 1, and nobody else.
  say("processes=%d\n", count("/proc", 1));
  // Standard ones and the directory itself.
  say("descriptors=%d\n", count("/proc/self/fd", 0));
  for (int i = 3; i < 1024; i++) {
    char to[512] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", i);
    if (readlink(path, to, sizeof to - 1) > 0) say("descriptor %d=%s\n", i, to);
  }
  say("devices=%d\n", count("/dev", 0));
  set_user_id();

  reads("read shadow", "/etc/shadow");
  reads("read the secret", secret);
  const char *roots[] = {"/proc/1/root", "/proc/self/root/..", "/proc/1/cwd", "/proc/self/cwd/../.."};
  for (int i = 0; i < 4; i++) {
    snprintf(path, sizeof path, "%s%s", roots[i], secret);
    reads(roots[i], path);
  }
  reads("environment of process 1", "/proc/1/environ");
  reads("memory of process 1", "/proc/1/mem");
  reads("kernel memory", "/proc/kcore");
  reads("kernel log", "/dev/kmsg");
  reads("memory device", "/dev/mem");
  reads("disk", "/dev/vda");
  reads("disk sda", "/dev/sda");
  snprintf(path, sizeof path, "%s/written", place);
  writes("write beside the secret", path);
  writes("core pattern", "/proc/sys/kernel/core_pattern");
  writes("magic keys", "/proc/sysrq-trigger");
  writes("group of processes", "/sys/fs/cgroup/memory/cgroup.procs");
  writes("release agent", "/sys/fs/cgroup/memory/release_agent");
  writes("helper for events", "/sys/kernel/uevent_helper");
  refused("make a group", mkdir("/sys/fs/cgroup/memory/probe", 0755));

  refused("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
  refused("remount", mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  refused("unmount", umount2("/proc/sys", MNT_DETACH));
  refused("open a tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
  refused("pivot", syscall(SYS_pivot_root, "/", "/"));
  refused("namespaces", unshare(CLONE_NEWUSER));
  refused("namespaces by clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  refused("namespaces by clone3", syscall(SYS_clone3, NULL, 0));
  file = open("/proc/1/ns/mnt", O_RDONLY);
  refused("join namespaces", file < 0 ? -1 : setns(file, 0));
  refused("make a device", mknod("/dev/shm/disk", S_IFBLK | 0600, makedev(253, 0)));
  refused("make a device for memory", mknod("/tmp/memory", S_IFCHR | 0600, makedev(1, 1)));
  refused("trace process 1", ptrace(PTRACE_ATTACH, 1, 0, 0));
  refused("seize process 1", ptrace(PTRACE_SEIZE, 1, 0, 0));
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
  refused("read process 1", process_vm_readv(1, &here, 1, &there, 1, 0));
  refused("file by handle", syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
  refused("module", syscall(SYS_init_module, NULL, 0, ""));
  refused("kernel", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  refused("bpf", syscall(SYS_bpf, 0, NULL, 0));
  refused("keys", syscall(SYS_keyctl, 0, -3, 1));
  refused("counters", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
  refused("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
  refused("swap", swapon("/tmp/swap", 0));
  refused("clock", syscall(SYS_clock_settime, 0, NULL));
#ifdef __x86_64__
  refused("mount by x32", syscall(0x40000000 | SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
#endif
  refused("raw packets", socket(AF_INET, SOCK_RAW, 1));
  refused("all packets", socket(AF_PACKET, SOCK_RAW, 0));

  // Process 1 holds everything together and is killed by nobody in here.
  kill(1, SIGKILL);
  kill(1, SIGTERM);
  say("killed=%d\n", kill(1, 0) < 0 && errno == ESRCH);

  // Out of a root of its own, as far as that goes.
  if (fork() == 0) {
    if (mkdir("/tmp/cage", 0755) == 0 && chroot("/tmp/cage") == 0)
      for (int i = 0; i < 64; i++)
        if (chdir("..")) break;
    if (chroot(".")) _exit(open(secret + 1, O_RDONLY) >= 0);
    _exit(open(secret, O_RDONLY) >= 0);
  }
  int status;
  wait(&status);
  say("out of a root=%s\n", WEXITSTATUS(status) ? "read" : "refused");
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "who")) {
    printf("%d", geteuid());
    return 0;
  }
  look_around();
  if (argc > 1 && !strcmp(argv[1], "print")) return fputs(found, stdout) < 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT")))};
  inet_pton(AF_INET, getenv("HOST"), &address.sin_addr);
  int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 64)) return 1;
  for (;;) {
    char request[4096];
    int client = accept(server, NULL, NULL);
    if (read(client, request, sizeof request) > 0)
      dprintf(client, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %zu\r\n\r\n%s",
              strlen(found), found);
    close(client);
  }
}
