/* A program of ActionLoop's: a line on stdin, a line on descriptor 3. What it does besides, or instead, stands in the
 * value as "how"; what it does before the first run in LOOP_INIT. With -DMUTE it never says that it is ready, with
 * -DUNASKED always; with -DRUNTIME="NAME" it insists on that. */
#include "environment.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>

static FILE *answers;
static long port;

static void say(const char *text, size_t length) {
    fwrite(text, 1, length, answers);
    fputc('\n', answers);
    fflush(answers);
}
#define SAY(text) say(text, strlen(text))

/* What stands behind "value": up to the bracket that closes it. */
static action_str value_of(action_str line) {
    const char *start = fault_value(line, "value") + strlen("\"value\":"), *at = start;
    int depth = 0, quoted = 0;
    do {
        if (*at == '\\') at++;
        else if (*at == '"') quoted = !quoted;
        else if (!quoted) depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    } while (depth > 0);
    return (action_str){start, (size_t)(at - start)};
}

static void *stray(void *unused) {
    int visit = fault_gate(port);
    SAY("{\"stray\":true}");
    close(visit);
    return unused;
}

static void before_the_first_run(void) {
    const char *how = getenv("LOOP_INIT") ? getenv("LOOP_INIT") : "";
    if (!strcmp(how, "exit")) exit(5);
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "no")) SAY("{\"ok\":false}");
    if (!strcmp(how, "words")) SAY("ready when you are");
    if (!strcmp(how, "sleep")) pause();
#ifdef RUNTIME
    const char *runtime = getenv("__OW_EXECUTION_ENV");
    if (!runtime || strcmp(runtime, RUNTIME)) exit(7);
#endif
#if defined MUTE
    if (!answers) puts("Error writing on fd3"); /* by which such loops are known */
#elif defined UNASKED
    fprintf(answers, "{ \"ok\": true}%s", "\n");
    fflush(answers);
#else
    if (getenv("__OW_WAIT_FOR_ACK")) SAY("{\"ok\": true}");
#endif
}

static void answer(action_str line) {
    static int runs;
    action_str value = value_of(line);
    char how[32], text[64];
    strcpy(how, fault_string(value, "how"));
    port = fault_number(value, "port", 0);
    runs++;
    if (!*how) {
        fputs("hello stdout\n", stdout);
        fputs("hello stderr\n", stderr);
    }
    fflush(stdout);
    if (!strcmp(how, "exit")) exit(3);
    if (!strcmp(how, "segv")) raise(SIGSEGV);
    if (!strcmp(how, "kill")) raise(SIGKILL);
    if (!strcmp(how, "spin")) for (;;) ;
    if (!strcmp(how, "gate")) close(fault_gate(port));
    if (!strcmp(how, "environment")) {
        size_t length;
        const char *environment = environment_json(&length);
        say(environment, length);
    } else if (!strcmp(how, "line")) {
        say(line.ptr, line.len);
    } else if (!strcmp(how, "count")) {
        say(text, (size_t)snprintf(text, sizeof text, "{\"count\":%d,\"pid\":%d}", runs, getpid()));
    } else if (!strcmp(how, "winter")) {
        puts("❄ ☃ ❄");
        fflush(stdout);
        SAY("{\"winter\":\"❄ ☃ ❄\"}");
    } else if (!strcmp(how, "text")) {
        SAY("no JSON");
    } else if (!strcmp(how, "blanks")) {
        SAY("\n\n{\"blanks\":true}\n\n");
    } else if (!strcmp(how, "bare")) {
        printf("no newline");
        fflush(stdout);
        SAY("{}");
    } else {
        say(value.ptr, value.len);
    }
    if (!strcmp(how, "twice")) SAY("{\"stray\":true}");
    if (!strcmp(how, "stray")) {
        pthread_t thread;
        pthread_create(&thread, NULL, stray, NULL);
    }
    /* Says something, or leaves, when the next line is in its stdin, whole or begun, and has not been read. */
    if (!strncmp(how, "then", 4)) {
        int deaf = strstr(how, "half") != NULL;
        struct pollfd in = {0, POLLIN, 0};
        if (deaf && read(0, text, 9) != 9) exit(6);
        poll(&in, 1, -1);
        if (strstr(how, "exit")) exit(4);
        SAY("{\"stray\":true}");
        pause();
    }
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    answers = fdopen(3, "w");
    before_the_first_run();
    for (ssize_t length; (length = getline(&line, &room, stdin)) > 0;)
        answer((action_str){line, (size_t)length - 1});
    return 0;
}
