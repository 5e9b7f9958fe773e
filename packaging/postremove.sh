#!/bin/sh
# After the files went. The queue may hold calls that are nowhere else: not even a purge
# deletes it. Its owner, the user, stays with it.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
if [ "$1" = purge ] || [ "$1" = 0 ]; then
  rmdir /etc/otelcol-usage 2>/dev/null || true
  if rmdir /var/lib/otelcol-usage 2>/dev/null || [ ! -e /var/lib/otelcol-usage ]; then
    if getent passwd otelcol-usage >/dev/null; then userdel otelcol-usage; fi
  else
    echo "otelcol-usage: /var/lib/otelcol-usage stays, because calls that were not stored may be in it; delete it yourself when they are stored"
  fi
fi
