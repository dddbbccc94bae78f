/** Reserved words that people do call roles and databases. */
const reserved = new Set([
  'all',
  'analyse',
  'analyze',
  'default',
  'end',
  'group',
  'order',
  'primary',
  'public',
  'table',
  'user',
])

/** A name as SQL wants it: quoted where it must be. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A text as SQL wants it. */
export function quoteText(text: string): string {
  return text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`
}
