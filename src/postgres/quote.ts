/** Reserved words that are used as names of roles and databases. */
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

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/** A name for SQL, quoted if necessary. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** A string literal for SQL. Control and bidirectional characters are escaped, so that it can be printed. */
export function quoteText(text: string): string {
  const quoted = text.replaceAll("'", "''")
  if (!unprintable.test(text) && !text.includes('\\')) return `'${quoted}'`
  const escaped = quoted
    .replaceAll('\\', '\\\\')
    .replaceAll(
      new RegExp(unprintable, 'g'),
      (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  return `E'${escaped}'`
}
