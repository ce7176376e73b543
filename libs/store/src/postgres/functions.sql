-- What PostgreSQL lacks of SQLite, in the schema of each label, so that it is backed up,
-- restored and dropped with it. Bodies name nothing but what every PostgreSQL has,
-- or are bound when they are made: indexes use them whatever the search path is.
-- A change needs a higher FUNCTIONS_VERSION in migrate.rs.

-- JSON to look into. PostgreSQL cannot hold the character NUL, which JSON can write.
CREATE OR REPLACE FUNCTION to_document(document text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.replace(document, '\u0000', '\ufffd')::jsonb;

-- A value of JSON as text; SQLite has 0 and 1 for booleans.
CREATE OR REPLACE FUNCTION document_text(part jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE pg_catalog.jsonb_typeof(part)
        WHEN 'boolean' THEN CASE WHEN part = 'true'::jsonb THEN '1' ELSE '0' END
        ELSE part #>> '{}' END;

-- Paths of names alone: $.data.user_id
CREATE OR REPLACE FUNCTION json_extract(document text, path text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN document_text(to_document(document)
        #> pg_catalog.string_to_array(pg_catalog.substr(path, 3), '.'));

CREATE OR REPLACE FUNCTION json_at(document text, index integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN document_text(to_document(document) -> index);

CREATE OR REPLACE FUNCTION json_at(document text, name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN pg_catalog.starts_with(name, '$.') THEN json_extract(document, name)
        ELSE document_text(to_document(document) -> name) END;

DO $operators$ BEGIN
    IF pg_catalog.to_regoperator('->> (text, integer)') IS NULL THEN
        CREATE OPERATOR ->> (LEFTARG = text, RIGHTARG = integer, FUNCTION = json_at);
    END IF;
    IF pg_catalog.to_regoperator('->> (text, text)') IS NULL THEN
        CREATE OPERATOR ->> (LEFTARG = text, RIGHTARG = text, FUNCTION = json_at);
    END IF;
END $operators$;

CREATE OR REPLACE FUNCTION json_valid(document text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $body$ BEGIN
    RETURN pg_catalog.replace(document, '\u0000', '\ufffd')::jsonb IS NOT NULL;
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $body$;

CREATE OR REPLACE FUNCTION shifted(number bigint, bits bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN number << bits::integer;

DO $operator$ BEGIN
    IF pg_catalog.to_regoperator('<< (bigint, bigint)') IS NULL THEN
        CREATE OPERATOR << (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = shifted);
    END IF;
END $operator$;

-- The elements of an array with their places from 0 on; all values are texts.
CREATE OR REPLACE FUNCTION json_each(document text) RETURNS TABLE (key bigint, value text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100
AS $body$
    SELECT ordinality - 1, document_text(element)
    FROM pg_catalog.jsonb_array_elements(to_document(document))
        WITH ORDINALITY AS elements (element, ordinality)
$body$;

-- Makes the partition of a month of a table that has one partition a month and one for
-- what is outside of 2010 to 2099; false when there was one already. Rows of the month
-- that came before go into it.
CREATE OR REPLACE FUNCTION ensure_month(parent text, at_ms bigint) RETURNS boolean
    LANGUAGE plpgsql
AS $body$ DECLARE
    at timestamp := pg_catalog.to_timestamp(at_ms / 1000) AT TIME ZONE 'UTC';
    from_month timestamp := pg_catalog.date_trunc('month', at);
    from_ms bigint := pg_catalog.date_part('epoch', from_month) * 1000;
    to_ms bigint := pg_catalog.date_part('epoch', from_month + interval '1 month') * 1000;
    part text := parent || '_' || pg_catalog.to_char(from_month, 'YYYY_MM');
BEGIN
    IF from_month < '2010-01-01' OR from_month >= '2100-01-01'
        OR pg_catalog.to_regclass(pg_catalog.quote_ident(part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock(
        pg_catalog.hashtextextended('suoke partitions ' || pg_catalog.current_schema(), 0));
    IF pg_catalog.to_regclass(pg_catalog.quote_ident(part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE pg_catalog.format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
        part, parent);
    EXECUTE pg_catalog.format('WITH moved AS (DELETE FROM %I WHERE effective_ms >= %s '
        'AND effective_ms < %s RETURNING *) INSERT INTO %I SELECT * FROM moved',
        parent || '_other', from_ms, to_ms, part);
    EXECUTE pg_catalog.format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        parent, part, from_ms, to_ms);
    RETURN true;
END $body$;
