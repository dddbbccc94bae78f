/** What a tag says of a statement's sender. Keys and values are texts. */
export type TagValues = Readonly<Record<string, string | undefined>>

/** Longer values would only push the statement out of what the server shows. */
const longestValue = 200

/**
 * Values as a comment behind a statement, as [sqlcommenter](https://google.github.io/sqlcommenter/spec/) has it: encoded
 * as in a URL, in quotes, sorted by key. Nothing in a value can end the comment, since neither `*` nor `/` nor a quote
 * is left as it is. Empty without any value.
 */
export function sqlComment(values: TagValues): string {
  const pairs = Object.entries(values)
    .filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
    .map(([key, value]) => `${encode(key)}='${encode(value)}'`)
    .toSorted()
  return pairs.length === 0 ? '' : ` /*${pairs.join(',')}*/`
}

/**
 * Puts a comment behind a statement, unless it has one already or a tag might end up inside of something: a line comment
 * would swallow it.
 */
export function tagged(text: string, comment: string): string {
  if (text.includes('--') || text.includes('/*') || text.trim() === '') return text
  return text + comment
}

/** Whether `text` is what was sent for `statement`: itself, or itself with a tag. */
export function isSentText(statement: string, text: unknown): boolean {
  if (text === statement) return true
  return typeof text === 'string' && text.startsWith(statement) && text.startsWith(' /*', statement.length)
}

/** The values of a tag, from the text of a statement that somebody has sent; undefined if there is none. */
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
  // By way of bytes, half a surrogate pair becomes a character that can be encoded.
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
