/** Partitions that DETACH PARTITION CONCURRENTLY has not detached yet. */
export const pendingDetachesQuery = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'id', i.inhrelid::pg_catalog.int8,
  'parent', pg_catalog.format('%I.%I', pn.nspname, p.relname),
  'partition', pg_catalog.format('%I.%I', cn.nspname, c.relname)) ORDER BY cn.nspname, c.relname), '[]')::pg_catalog.text AS detaches
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
WHERE i.inhdetachpending`
