/* A program of the Docker SDK's: parameters as argument or on stdin, the result on the last line. What it does besides,
 * or instead, stands in them as "how". With -DECHO it does nothing else than return them. */
#include "environment.h"
#include <dirent.h>
#include <signal.h>

static void last_words(void) {
    printf("last words");
    fflush(stdout);
}

static void die(const char *how) {
    if (!strcmp(how, "exit3")) last_words(), exit(3);
    if (!strcmp(how, "segv")) last_words(), raise(SIGSEGV);
    if (!strcmp(how, "abort")) last_words(), abort();
    if (!strcmp(how, "kill")) last_words(), raise(SIGKILL);
}

/* Its words, its folder and what lies there, its descriptors. */
static void show(int count, char **words, size_t told) {
    char where[4096] = "", data[64] = "";
    FILE *file = fopen("data.txt", "r");
    if (file && !fgets(data, sizeof data, file))
        strcpy(data, "unreadable");
    if (file)
        fclose(file);
    if (!getcwd(where, sizeof where))
        strcpy(where, "nowhere");
    printf("{\"words\":%d,\"name\":\"%s\",\"told\":%zu,\"cwd\":\"%s\",\"data\":\"%s\",\"descriptors\":[0", count, words[0], told, where, data);
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(folder));)
        if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != dirfd(folder))
            printf(",%s", entry->d_name);
    puts("]}");
}

static void flood(long bytes, long line) {
    char *text = malloc((size_t)line);
    memset(text, 'x', (size_t)line);
    text[line - 1] = '\n';
    for (long done = 0; done < bytes; done += line) {
        fwrite(text, 1, (size_t)line, stdout);
        fwrite(text, 1, (size_t)line, stderr);
    }
    puts("{}");
}

int main(int count, char **words) {
    static char text[4 << 20];
    size_t told = fread(text, 1, sizeof text, stdin);
    action_str params = {text, told};
    char how[32];
#ifdef ECHO
    return puts(text) < 0;
#endif
    strcpy(how, fault_string(params, "how"));
    if (!*how) {
        fputs("hello stderr\n", stderr);
        printf("hello stdout\n%s\n", count > 1 ? words[1] : text);
    }
    die(how);
    if (!strcmp(how, "winter")) printf("❄ ☃ ❄\n{\"winter\":\"❄ ☃ ❄\"}\n");
    if (!strcmp(how, "show")) show(count, words, told);
    if (!strcmp(how, "environment")) puts(environment_json(&told));
    if (!strcmp(how, "text")) puts("a line\nno JSON");
    if (!strcmp(how, "number")) puts("42");
    if (!strcmp(how, "unended")) printf("a line\n{\"unended\":true}");
    if (!strcmp(how, "blanks")) puts("a line\n \n{\"blanks\":true}\n\n  \n");
    if (!strcmp(how, "result and exit")) return puts("{\"exit\":5}"), 5;
    if (!strcmp(how, "flood")) flood(fault_number(params, "bytes", 0), fault_number(params, "line", 64));
    if (!strcmp(how, "endless")) for (;;) fwrite(text, 1, sizeof text, stdout);
    if (!strcmp(how, "shuts")) return puts("{\"shuts\":true}"), fclose(stdout), close(fault_gate(fault_number(params, "port", 0)));
    if (!strcmp(how, "gate")) close(fault_gate(fault_number(params, "port", 0))), printf("%s\n", text);
    if (!strcmp(how, "orphan") && fork() == 0) return fault_gate(fault_number(params, "port", 0)) < 0; /* it holds stdout */
    if (!strcmp(how, "orphan")) puts("{\"orphan\":true}");
    return 0;
}
