/* Dies, in the way and at the time that it is told:
 *   DIE_AT_LOAD=how    while the library is loaded (a constructor)
 *   DIE_AT_INIT=how    in action_init
 *   {"how":…}          in a run;  with "port":… at the gate first;  with "idle":1 after the run, when the gate opens
 * With any of them DIE_UNLESS=path lets it live while that file exists. What has nothing to die of returns its parameters. */
#include "fault.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
FAULT_LIBRARY

static volatile int depth;

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
    if (!strcmp(how, "fpe")) raise(SIGFPE);
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "exit")) exit(3);
    if (!strcmp(how, "exit0")) exit(0);
    if (!strcmp(how, "rawexit")) syscall(SYS_exit_group, 4);
    if (!strcmp(how, "exit_thread")) on_a_thread(exit_here);
    if (!strcmp(how, "stackoverflow")) overflow(zero);
    if (!strcmp(how, "stackoverflow_thread")) on_a_thread(overflow_here);
    if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
    if (!strcmp(how, "term")) kill(getpid(), SIGTERM);
    if (!strcmp(how, "spin")) for (;;) depth++;
    if (!strcmp(how, "sleep")) for (;;) pause();
    if (!strcmp(how, "deadlock")) deadlock();
}

__attribute__((constructor)) static void load(void) {
    if (getenv("DIE_AT_LOAD"))
        die(getenv("DIE_AT_LOAD"));
}

ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    if (getenv("DIE_AT_INIT"))
        die(getenv("DIE_AT_INIT"));
    return OK_EMPTY;
}

struct plan {
    long port;
    char how[256];
};

static void *die_at_the_gate(void *argument) {
    struct plan *plan = argument;
    fault_gate(plan->port);
    die(plan->how);
    return NULL;
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
