#!/bin/sh
# After the files are there. A first installation starts nothing: the configuration names
# no database yet. An upgrade goes on with the new program, and with the queue on disk.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart otelcol-usage.service
fi
# dpkg says "configure" and the version before, rpm how many versions there are now.
if [ "$1" = configure ] && [ -z "$2" ] || [ "$1" = 1 ]; then
  echo "otelcol-usage: write DATABASE_URL and USAGE_API_HTPASSWD into /etc/otelcol-usage/environment, then"
  echo "  systemctl enable --now otelcol-usage     (/usr/share/doc/otelcol-usage/docs/install.md)"
fi
