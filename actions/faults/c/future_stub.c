/* Poses as a C library from the future, for the linker only. */
int future_function(void);
int future_function(void) { return 1; }
