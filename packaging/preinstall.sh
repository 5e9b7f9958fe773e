#!/bin/sh
# Before the files of the package are unpacked, by dpkg and by rpm: the user of the service.
set -e
if ! getent passwd otelcol-usage >/dev/null; then
  useradd --system --user-group --no-create-home --home-dir /var/lib/otelcol-usage --shell /usr/sbin/nologin otelcol-usage
fi
