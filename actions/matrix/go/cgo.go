// entries.c is compiled because of the import below.

package main

import "C"
