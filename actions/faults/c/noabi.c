/* A good library that is no action: it exports neither symbol by which a dialect is known. */
int unrelated_function(void);
__attribute__((visibility("default"))) int unrelated_function(void) { return 1; }
