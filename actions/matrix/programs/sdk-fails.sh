#!/bin/sh
# A Docker SDK program without a result.
echo "half a thought"
exit 3
