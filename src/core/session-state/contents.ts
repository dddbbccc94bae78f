import { advisoryLocks, itemKey, type SessionItem } from './item.ts'

/** The state of a session beyond its transaction, as the server reports it: the key of each item, and its value. */
export type SessionContents = ReadonlyMap<string, { readonly item: SessionItem; readonly value: string }>

/** In no catalog, like custom settings of the application: these are read by name. */
const alwaysAsked = ['role']

/** Whether the value after RESET is unknown: it may be set for the role or the database. */
export function isUntold({ kind, name }: SessionItem): boolean {
  return kind === 'setting' && (alwaysAsked.includes(name) || name.includes('.'))
}

/**
 * One statement that reads the contents as a single JSON value, including the settings in `names`. Every name is
 * qualified, because the search path may have been changed.
 */
export function contentsQuery(names: Iterable<string>): string {
  const asked = [...new Set([...alwaysAsked, ...names])].map((name) => `'${name.replaceAll("'", "''")}'`)
  return `SELECT pg_catalog.json_build_object(
  'setting', (SELECT pg_catalog.json_object_agg(pg_catalog.lower(s.name), s.setting) FROM pg_catalog.pg_settings s
    WHERE s.source = 'session' AND s.setting IS DISTINCT FROM s.reset_val),
  'asked', (SELECT pg_catalog.json_object_agg(a.name, pg_catalog.current_setting(a.name, true))
    FROM pg_catalog.unnest(ARRAY[${asked.join(', ')}]::pg_catalog.text[]) AS a(name)
    WHERE pg_catalog.lower(a.name) OPERATOR(pg_catalog.<>) ALL (SELECT pg_catalog.lower(s.name) FROM pg_catalog.pg_settings s)),
  'session_authorization', (SELECT r.rolname FROM pg_catalog.pg_roles r, pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) b
    WHERE r.rolname = session_user AND r.oid <> b.usesysid),
  'channel', (SELECT pg_catalog.json_agg(c) FROM pg_catalog.pg_listening_channels() c),
  'temporary', (SELECT pg_catalog.json_agg(r.relname) FROM pg_catalog.pg_class r
    WHERE r.relnamespace = pg_catalog.pg_my_temp_schema() AND r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')),
  'prepared-statement', (SELECT pg_catalog.json_agg(p.name) FROM pg_catalog.pg_prepared_statements p WHERE p.from_sql),
  'cursor', (SELECT pg_catalog.json_agg(c.name) FROM pg_catalog.pg_cursors c WHERE c.is_holdable),
  'advisory-lock', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid() AND l.granted))::pg_catalog.text`
}

/** @throws SyntaxError if the text is not a result of {@link contentsQuery} */
export function readContents(json: string): SessionContents {
  const found = JSON.parse(json) as {
    readonly setting: Record<string, string> | null
    readonly asked: Record<string, string | null> | null
    readonly session_authorization: string | null
    readonly 'advisory-lock': number
  } & Readonly<Record<'channel' | 'temporary' | 'prepared-statement' | 'cursor', readonly string[] | null>>
  const contents = new Map<string, { item: SessionItem; value: string }>()
  const add = (item: SessionItem, value: string) => contents.set(itemKey(item), { item, value })
  const { session_authorization } = found
  for (const [name, value] of Object.entries({ ...found.setting, ...found.asked, session_authorization })) {
    // A custom setting is empty after RESET, and null before it was ever set.
    if (value !== null && value !== '' && !(name === 'role' && value === 'none'))
      add({ kind: 'setting', name }, value)
  }
  for (const kind of ['channel', 'temporary', 'prepared-statement', 'cursor'] as const) {
    for (const name of found[kind] ?? []) add({ kind, name }, '')
  }
  if (found['advisory-lock'] > 0) add(advisoryLocks, String(found['advisory-lock']))
  return contents
}

/** The items that are in only one of the two, or differ in their value. */
export function differences(before: SessionContents, after: SessionContents): SessionItem[] {
  const changed = [...after].filter(([key, { value }]) => before.get(key)?.value !== value)
  const gone = [...before].filter(([key]) => !after.has(key))
  return [...changed, ...gone].map(([, { item }]) => item)
}
