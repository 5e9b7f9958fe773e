-- Run once by the first start of PostgreSQL in compose.yaml, as its superuser, whom
-- nothing uses afterwards: a login for each part, with the rights of one part.
-- Passwords are files in the folder of the secrets.
\set ON_ERROR_STOP on
\set migrator `cat "${USAGE_SECRETS:-/run/secrets}/migrator"`
\set exporter `cat "${USAGE_SECRETS:-/run/secrets}/exporter"`
\set reader `cat "${USAGE_SECRETS:-/run/secrets}/reader"`
\set grafana `cat "${USAGE_SECRETS:-/run/secrets}/grafana_database"`

CREATE ROLE usage_writer NOLOGIN;
CREATE ROLE usage_reader NOLOGIN;
CREATE ROLE usage_own NOLOGIN;
CREATE ROLE usage_pricer NOLOGIN;
CREATE ROLE usage_biller NOLOGIN;
CREATE ROLE usage_meterer NOLOGIN;
CREATE ROLE usage_planner NOLOGIN;
CREATE ROLE usage_budgeter NOLOGIN;
CREATE ROLE usage_grafana LOGIN PASSWORD :'grafana' CONNECTION LIMIT 20;

-- Owns the database and the tables. CREATEROLE and ADMIN are for one thing: the
-- migrations set limits for usage_grafana.
CREATE ROLE usage_migrator LOGIN PASSWORD :'migrator' CREATEROLE;
GRANT usage_grafana TO usage_migrator WITH ADMIN OPTION;
ALTER DATABASE :"DBNAME" OWNER TO usage_migrator;
ALTER SCHEMA public OWNER TO usage_migrator;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE ROLE usage_exporter LOGIN PASSWORD :'exporter' IN ROLE usage_writer;
CREATE ROLE usage_api LOGIN PASSWORD :'reader' IN ROLE usage_reader, usage_own;

-- Nobody fills the disk by sorting.
ALTER ROLE usage_grafana SET temp_file_limit = '1GB';
ALTER ROLE usage_api SET temp_file_limit = '4GB';
