/**
 * The settings of a new session. `reset_val`, not the value, because the calling session has set its own timeouts.
 * Values of a database or a role are listed separately, because they do not apply to all. $1: the names.
 */
export const settingsQuery = `
SELECT pg_catalog.json_build_object(
  'database', pg_catalog.current_database(),
  'role', session_user,
  'settings', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
      'name', s.name, 'value', s.reset_val, 'unit', s.unit, 'context', s.context)))
    FROM pg_catalog.pg_settings AS s WHERE s.name = ANY ($1::pg_catalog.text[])), '[]'),
  'overrides', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
      'name', pg_catalog.split_part(c.setting, '=', 1),
      'value', pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1),
      'database', d.datname, 'role', r.rolname)))
    FROM pg_catalog.pg_db_role_setting AS o
    CROSS JOIN LATERAL pg_catalog.unnest(o.setconfig) AS c(setting)
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = o.setdatabase
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = o.setrole
    WHERE pg_catalog.split_part(c.setting, '=', 1) = ANY ($1::pg_catalog.text[])), '[]')
)::pg_catalog.text AS settings`
