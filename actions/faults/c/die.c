/* Dies, in the way and at the time that it is told:
 *   DIE_AT_LOAD=how    while the library is loaded (a constructor)
 *   DIE_AT_INIT=how    in action_init
 *   DIE_SOON=how       a moment after it has been loaded, on a thread
 *   {"how":…,"later":…} after the run, so many microseconds later, on a thread
 *   {"how":…}          in a run;  with "port":… at the gate first;  with "idle":1 after the run, when the gate opens
 *   {"bytes":…}        prints as many on each stream before it dies in a run
 * With any of them DIE_UNLESS=path lets it live while that file exists. What has nothing to die of returns its parameters. */
#include "fault.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
FAULT_LIBRARY

static volatile int depth;
static volatile unsigned long turns; /* not `depth`: a thread left behind would turn it negative after some seconds */

__attribute__((noinline)) static int overflow(int from) {
    volatile char frame[4096];
    frame[0] = (char)from;
    if (depth < 0) /* never: the compiler refuses a recursion that it can prove endless */
        return 0;
    return overflow(from + 1) + frame[0];
}

static void *overflow_here(void *unused) {
    overflow(0);
    return unused;
}

static void *exit_here(void *unused) {
    exit(7);
    return unused;
}

static void on_a_thread(void *(*work)(void *)) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
}

static void bus_error(void) {
    int file = memfd_create("short", MFD_CLOEXEC);
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    *page = 1; /* beyond the end of the file */
}

static void divide(volatile int zero) {
#if defined(__x86_64__)
    zero = 1 / zero;
#endif
    raise(zero ? 0 : SIGFPE); /* where the processor does not mind */
}

static void deadlock(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
}

static void die(const char *how) {
    volatile int zero = 0;
    const char *unless = getenv("DIE_UNLESS");
    if (unless && access(unless, F_OK) == 0)
        return;
    if (!strcmp(how, "segv")) *(volatile int *)8 = zero;
    if (!strcmp(how, "bus")) bus_error();
    if (!strcmp(how, "ill")) __builtin_trap();
    if (!strcmp(how, "fpe")) divide(zero);
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "exit")) exit(3);
    if (!strcmp(how, "exit0")) exit(0);
    if (!strcmp(how, "rawexit")) syscall(SYS_exit_group, 4);
    if (!strcmp(how, "exit_thread")) on_a_thread(exit_here);
    if (!strcmp(how, "end_thread")) syscall(SYS_exit, 0); /* the thread of the run alone, unnoticed by libc */
    if (!strcmp(how, "pthread_exit")) pthread_exit(NULL);
    if (!strcmp(how, "stackoverflow")) overflow(zero);
    if (!strcmp(how, "stackoverflow_thread")) on_a_thread(overflow_here);
    if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
    if (!strcmp(how, "term")) kill(getpid(), SIGTERM);
    if (!strcmp(how, "group")) kill(0, SIGTERM);
    if (!strcmp(how, "stop")) raise(SIGSTOP); /* this very thread: another would be stopped a moment later */
    if (!strcmp(how, "spin")) for (;;) turns++;
    if (!strcmp(how, "sleep")) for (;;) pause();
    if (!strcmp(how, "deadlock")) deadlock();
}

static void *die_soon(void *how) {
    usleep(5000);
    die(how);
    return NULL;
}

__attribute__((constructor)) static void load(void) {
    pthread_t thread;
    if (getenv("DIE_AT_LOAD"))
        die(getenv("DIE_AT_LOAD"));
    if (getenv("DIE_SOON"))
        pthread_create(&thread, NULL, die_soon, getenv("DIE_SOON"));
}

ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    if (getenv("DIE_AT_INIT"))
        die(getenv("DIE_AT_INIT"));
    return OK_EMPTY;
}

struct plan {
    long port, later;
    char how[256];
};

static void *die_at_the_gate(void *argument) {
    struct plan *plan = argument;
    fault_gate(plan->port);
    die(plan->how);
    return NULL;
}

static void *die_later(void *argument) {
    struct plan *plan = argument;
    usleep((useconds_t)plan->later);
    die(plan->how);
    return NULL;
}

static void print_lines(long bytes) {
    for (long done = 0; done < bytes; done += 64) {
        char line[64 + 1];
        snprintf(line, sizeof line, "%062ld.\n", done);
        if (write(STDOUT_FILENO, line, 64) != 64 || write(STDERR_FILENO, line, 64) != 64)
            return;
    }
}

INVOKE {
    (void)context;
    struct plan *plan = calloc(1, sizeof *plan);
    plan->port = fault_number(params, "port", 0);
    snprintf(plan->how, sizeof plan->how, "%s", fault_string(params, "how"));
    if (fault_number(params, "idle", 0)) {
        pthread_t thread;
        pthread_create(&thread, NULL, die_at_the_gate, plan);
        return fault_copy(params);
    }
    plan->later = fault_number(params, "later", 0);
    if (plan->later) {
        pthread_t thread;
        pthread_create(&thread, NULL, die_later, plan);
        return fault_copy(params);
    }
    print_lines(fault_number(params, "bytes", 0));
    if (*plan->how) {
        puts("about to die");
        fflush(stdout);
        fputs("last words", stderr); /* no newline */
    }
    if (plan->port)
        die_at_the_gate(plan);
    else
        die(plan->how);
    return fault_copy(params);
}
