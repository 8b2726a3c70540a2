/* A program of the Docker SDK's that never reads its stdin, as most do. */
#include <stdio.h>
#include <string.h>

int main(int count, char **words) {
    printf("{\"argument\":%zu}\n", count > 1 ? strlen(words[1]) : 0);
    return 0;
}
