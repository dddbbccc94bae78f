/** The tables in which migration tools keep their records, recognised by their name or that of their schema. */
const records = `'(?<![em])migrat(e|ion)|schema_(version|history|revision|info)|alembic_version|sequelizemeta|databasechangelog|goose_db_version|typeorm_metadata|ar_internal_metadata|^sqitch[.]'`

const isMember = (catalog: string, oid: string) =>
  `EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
    AND d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${oid})`

/** The objects created by users, without temporary tables, extensions and the tables of tools. */
const ofUsers = `
namespaces AS MATERIALIZED (
  SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace AS n
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), everything AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relnamespace, c.relispartition, c.relrowsecurity, c.reloptions,
         n.nspname || '.' || c.relname ~* ${records} AS is_record
  FROM pg_catalog.pg_class AS c JOIN namespaces AS n ON n.oid = c.relnamespace
  WHERE c.relpersistence <> 't' AND NOT ${isMember('pg_class', 'c.oid')}
), relations AS MATERIALIZED (
  SELECT * FROM everything WHERE NOT is_record
), types AS MATERIALIZED (
  SELECT t.oid, t.xmin AS version, t.typname, t.typrelid
  FROM pg_catalog.pg_type AS t JOIN namespaces AS n ON n.oid = t.typnamespace
  WHERE (t.typtype IN ('e', 'd', 'r') OR t.typrelid IN (SELECT oid FROM relations)) AND NOT ${isMember('pg_type', 't.oid')}
), functions AS MATERIALIZED (
  SELECT p.oid, p.xmin AS version, p.proname, p.prosrc
  FROM pg_catalog.pg_proc AS p JOIN namespaces AS n ON n.oid = p.pronamespace
  WHERE NOT ${isMember('pg_proc', 'p.oid')}
)`

/** A sum of hashes: it does not depend on the order of the rows, and needs no memory for them. */
const sumOf = (columns: string, from: string) =>
  `(SELECT sum(pg_catalog.hashtextextended(pg_catalog.concat_ws('|', ${columns}), 0)) FROM ${from})`

const parts = [
  // A schema that contains only a tool's records belongs to the tool.
  sumOf(
    'n.oid, n.nspname',
    `namespaces AS n WHERE EXISTS (SELECT FROM relations AS r WHERE r.relnamespace = n.oid)
      OR NOT EXISTS (SELECT FROM everything AS e WHERE e.relnamespace = n.oid)`,
  ),
  sumOf(
    'oid, relname, relnamespace, relkind, relispartition, relrowsecurity, reloptions::pg_catalog.text',
    'relations',
  ),
  sumOf(
    'a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity, a.attgenerated, a.attisdropped',
    'pg_catalog.pg_attribute AS a WHERE a.attnum > 0 AND a.attrelid IN (SELECT oid FROM relations)',
  ),
  sumOf(
    'd.oid, d.adbin::pg_catalog.text',
    'pg_catalog.pg_attrdef AS d WHERE d.adrelid IN (SELECT oid FROM relations)',
  ),
  sumOf(
    'c.oid, c.conname, c.convalidated',
    'pg_catalog.pg_constraint AS c WHERE c.conrelid IN (SELECT oid FROM relations)',
  ),
  sumOf(
    't.oid, t.tgname, t.tgenabled',
    'pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal AND t.tgrelid IN (SELECT oid FROM relations)',
  ),
  sumOf(
    'w.oid, w.ev_action::pg_catalog.text',
    'pg_catalog.pg_rewrite AS w WHERE w.ev_class IN (SELECT oid FROM relations)',
  ),
  sumOf('oid, typname', 'types'),
  sumOf('e.oid, e.enumlabel', 'pg_catalog.pg_enum AS e WHERE e.enumtypid IN (SELECT oid FROM types)'),
  sumOf('oid, proname, prosrc', 'functions'),
]

/** A mark that changes only with the schema: VACUUM, TRUNCATE and REINDEX do not change it. */
export const schemaMarkQuery = `
WITH ${ofUsers}
SELECT pg_catalog.json_build_object(
  'nextTransaction', pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text,
  'digest', pg_catalog.concat_ws(' ', ${parts.map((part) => `coalesce(${part}, 0)`).join(',\n    ')})
)::pg_catalog.text AS mark`

/**
 * The relations changed since a mark, and the last transaction that did so. Not from pg_class, whose rows are also
 * written by other operations. Dropped objects leave no row. $1: the next transaction id at the mark.
 */
export const schemaChangesQuery = `
WITH ${ofUsers}, versions AS (
  SELECT a.attrelid AS relation, a.xmin AS version FROM pg_catalog.pg_attribute AS a WHERE a.attnum > 0
  UNION ALL SELECT d.adrelid, d.xmin FROM pg_catalog.pg_attrdef AS d
  UNION ALL SELECT c.conrelid, c.xmin FROM pg_catalog.pg_constraint AS c
  UNION ALL SELECT i.indrelid, i.xmin FROM pg_catalog.pg_index AS i
  UNION ALL SELECT t.tgrelid, t.xmin FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal
  UNION ALL SELECT w.ev_class, w.xmin FROM pg_catalog.pg_rewrite AS w
  UNION ALL SELECT t.typrelid, t.version FROM types AS t WHERE t.typrelid <> 0
), fresh AS MATERIALIZED (
  SELECT * FROM (
    SELECT relation, version FROM versions WHERE relation IN (SELECT oid FROM relations)
    UNION ALL SELECT NULL, version FROM types
    UNION ALL SELECT NULL, e.xmin FROM pg_catalog.pg_enum AS e WHERE e.enumtypid IN (SELECT oid FROM types)
    UNION ALL SELECT NULL, version FROM functions
  ) AS all_versions
  WHERE pg_catalog.age(version) <= pg_catalog.age(($1::pg_catalog.int8 % 4294967296)::pg_catalog.text::pg_catalog.xid)
)
SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
  'last', (SELECT version::pg_catalog.text FROM fresh ORDER BY pg_catalog.age(version) LIMIT 1),
  'relations', coalesce((SELECT pg_catalog.json_agg(DISTINCT pg_catalog.format('%I.%I', r.nspname, r.relname))
    FROM fresh AS f JOIN relations AS r ON r.oid = f.relation WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')), '[]'),
  'records', coalesce((SELECT pg_catalog.json_agg(pg_catalog.format('%I.%I', e.nspname, e.relname))
    FROM everything AS e WHERE e.is_record AND e.relname !~* 'lock$' AND e.relkind IN ('r', 'p')
      AND pg_catalog.has_table_privilege(e.oid, 'SELECT')), '[]')
))::pg_catalog.text AS changes`
