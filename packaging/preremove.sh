#!/bin/sh
# Before the files go. dpkg says "remove" or "upgrade", rpm how many versions stay.
set -e
if [ "$1" = remove ] || [ "$1" = 0 ]; then
  if [ -d /run/systemd/system ]; then
    systemctl disable --now otelcol-usage.service usagectl-bill.timer usagectl-budgets.timer usagectl-meter.timer usagectl-outlook.timer usagectl-plans.timer
  fi
fi
