// A module of its own, so that who imports ours does not get its library.
module github.com/otelcol-usage/otelcol-usage/tools/notices

go 1.26

require github.com/google/licensecheck v0.3.1
