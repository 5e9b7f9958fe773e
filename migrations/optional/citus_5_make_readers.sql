
DO $do$
DECLARE
  step record;
BEGIN
  FOR step IN SELECT name, command FROM usage_reader ORDER BY depth, object, place, command LOOP
    IF step.command IS NULL THEN
      RAISE EXCEPTION 'the SQL function % reads calls and is none of ours', step.name
        USING HINT = 'Make it again in PL/pgSQL, then run this file again: Citus plans no SQL function that reads a distributed table.';
    END IF;
    EXECUTE step.command;
  END LOOP;
END $do$;
