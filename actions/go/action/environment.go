package action

// #include <stdlib.h>
// extern char **environ;
import "C"

import (
	"os"
	"strings"
	"unsafe"
)

// Go's runtime finds its environment where the process was started with it, and so misses what /init has set since.
// This runs before the author's own init functions.
func init() {
	for name, value := range environment() {
		if known, set := os.LookupEnv(name); !set || known != value {
			os.Setenv(name, value)
		}
	}
}

// environment copies C's, before Go changes any of it.
func environment() map[string]string {
	variables := map[string]string{}
	for entry := C.environ; entry != nil && *entry != nil; {
		if name, value, whole := strings.Cut(C.GoString(*entry), "="); whole {
			variables[name] = value
		}
		entry = (**C.char)(unsafe.Add(unsafe.Pointer(entry), unsafe.Sizeof(*entry)))
	}
	return variables
}

// Getenv reads the environment as the runner keeps it, __OW_ACTIVATION_ID and the like included, which change with
// every run. os.Getenv shows what was set when the library was loaded.
func Getenv(name string) string {
	key := C.CString(name)
	defer C.free(unsafe.Pointer(key))
	return C.GoString(C.getenv(key))
}
