#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Becomes the nginx of nchan.conf.in, which takes its port from its configuration only and its
# descriptors as it finds them.
#   nchan.sh FOLDER PORT   FOLDER: for what nginx writes
set -eu
mkdir -p "$1"
conf=$1/nchan-$2.conf
ulimit -n "$(ulimit -Hn)"
sed "s/@PORT@/$2/" "${0%/*}/nchan.conf.in" >"$conf"
exec /usr/sbin/nginx -e stderr -p "$1" -c "$conf"
