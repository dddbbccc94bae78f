/** The keys and values of a tag, which describes the sender of a statement. */
export type TagValues = Readonly<Record<string, string | undefined>>

/** The limit of a value: the server shows only the first bytes of a statement. */
const longestValue = 200

/**
 * Values as a comment in the format of [sqlcommenter](https://google.github.io/sqlcommenter/spec/): encoded as in a URL,
 * in quotes, sorted by key. `*`, `/` and quotes are encoded, so that no value can end the comment. Empty if there is no
 * value.
 */
export function sqlComment(values: TagValues): string {
  const pairs = Object.entries(values)
    .filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
    .map(([key, value]) => `${encode(key)}='${encode(value)}'`)
    .toSorted()
  return pairs.length === 0 ? '' : ` /*${pairs.join(',')}*/`
}

/**
 * Appends a comment to a statement, unless the statement has one already: a line comment would absorb it.
 */
export function tagged(text: string, comment: string): string {
  if (text.includes('--') || text.includes('/*') || text.trim() === '') return text
  return text + comment
}

/** Whether `text` is `statement`, with or without a tag. */
export function isSentText(statement: string, text: unknown): boolean {
  if (text === statement) return true
  return typeof text === 'string' && text.startsWith(statement) && text.startsWith(' /*', statement.length)
}

/** The values of the tag in a statement's text; undefined if there is none. */
export function readSqlComment(text: string): TagValues | undefined {
  const [, inner] = /\/\*((?:[^*'/]+='[^'*/]*'(?:,\s*)?)+)\*\/[\s;]*$/.exec(text) ?? []
  if (inner === undefined) return undefined
  const values: Record<string, string> = {}
  for (const [, key = '', value = ''] of inner.matchAll(/([^*'/,\s]+)='([^'*/]*)'/g)) {
    const decoded = decode(value)
    if (decoded !== undefined) values[decode(key) ?? key] = decoded
  }
  return values
}

function encode(text: string): string {
  // Half a surrogate pair cannot be encoded; as bytes it becomes a character that can.
  const whole = Buffer.from(text.slice(0, longestValue)).toString()
  return encodeURIComponent(whole).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
