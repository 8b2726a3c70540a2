/* Disturbs the state of the process that the server shares with it, as "how" says, and goes on. */
#include "fault.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
FAULT_LIBRARY

static void ignore(int number) { (void)number; }

static void handlers(void) {
    for (int number = 1; number < 65; number++)
        signal(number, number % 2 ? SIG_IGN : ignore);
}

static void masks(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void limits(void) {
    struct rlimit none = {0, 0};
    struct rlimit few = {8, 8};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    setrlimit(RLIMIT_NOFILE, &few);
}

static void *set_variables(void *unused) {
    for (int i = 0; i < 2000; i++) {
        char name[32];
        snprintf(name, sizeof name, "VARIABLE_%d", i % 50);
        setenv(name, "value", 1);
        unsetenv(name);
    }
    return unused;
}

static void *nothing(void *unused) {
    sleep(1000);
    return unused;
}

static void threads(int count, void *(*work)(void *), int join) {
    pthread_t thread[1000];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    int made = 0;
    while (made < count && pthread_create(&thread[made], &small, work, NULL) == 0)
        made++;
    for (int i = 0; join && i < made; i++)
        pthread_join(thread[i], NULL);
}

static void open_files(void) {
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
}

/* Whatever was there is /dev/null now. */
static void dup_over(int from) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int descriptor = from; descriptor < 512; descriptor++)
        if (descriptor != null && fcntl(descriptor, F_GETFD) >= 0)
            dup2(null, descriptor);
}

static void *print_for_ever(void *unused) {
    char line[] = "a line that nobody asked for\n";
    for (;;)
        if (write(STDOUT_FILENO, line, sizeof line - 1) < 0)
            return unused;
}

/* A child that outlives its parent, and prints. */
static void child_prints(void) {
    if (fork() == 0)
        print_for_ever(NULL);
}

INVOKE {
    (void)context;
    const char *how = fault_string(params, "how");
    if (!strcmp(how, "chdir") && chdir("/"))
        perror("chdir");
    if (!strcmp(how, "handlers")) handlers();
    if (!strcmp(how, "masks")) masks();
    if (!strcmp(how, "limits")) limits();
    if (!strcmp(how, "umask")) umask(0777);
    if (!strcmp(how, "setenv")) threads(4, set_variables, 1);
    if (!strcmp(how, "threads")) threads(1000, nothing, 0);
    if (!strcmp(how, "files")) open_files();
    if (!strcmp(how, "files and die")) open_files(), abort();
    if (!strcmp(how, "clearenv")) clearenv();
    if (!strcmp(how, "dup")) dup_over((int)fault_number(params, "from", 3));
    if (!strcmp(how, "print")) threads(1, print_for_ever, 0);
    if (!strcmp(how, "child")) child_prints();
    if (!strcmp(how, "child and die")) child_prints(), abort();
    return OK_EMPTY;
}
