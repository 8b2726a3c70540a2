#!/bin/sh
# An ActionLoop program that ends before it has said __OW_WAIT_FOR_ACK's line.
exit 5
