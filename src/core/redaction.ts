/** How much of a statement's text a report shows. Bind values are never part of it. */
export type QueryTextMode = 'full' | 'redacted' | 'none'

const longestText = 300
/** A bulk insert of megabytes would not be read either. */
const longestFull = 10_000
/** A text of megabytes (a bulk insert) is cut before the work; one that is cut inside a literal hides the rest. */
const longestScan = 8 * longestText

/** The text as a report may show it: one line, not too long, literals replaced unless the mode is `full`. */
export function presentQueryText(text: string | undefined, mode: QueryTextMode): string | undefined {
  if (text === undefined || mode === 'none') return undefined
  if (mode === 'full') return text.length > longestFull ? `${text.slice(0, longestFull)}...` : text
  const redacted = redact(text.slice(0, longestScan))
  return redacted.length > longestText ? `${redacted.slice(0, longestText)}...` : redacted
}

// The pieces that PostgreSQL's lexer would see, in the order in which it decides. Each is matched at one place, without
// backtracking over what follows.
const blank = /\s+/y
const lineComment = /--[^\n]*/y
const commentEdge = /\/\*|\*\//g
const word = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy
const parameter = /\$\d+/y
const dollarTag = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy
const number = /0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?/iy
const plainString = /(?:[^']|'')*/y
const escapeString = /(?:[^'\\]|\\[\s\S]|'')*/y
const continuation = /(?:\s|--[^\n\r]*)*'/y
const quotedIdentifier = /"(?:[^"]|"")*"?/y

/** Replaces literals by `?`, and comments, which may quote some, by nothing. What is not closed hides the rest. */
function redact(sql: string): string {
  let result = ''
  let at = 0

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(sql)?.[0]
    if (found !== undefined) at += found.length
    return found
  }

  function skipString(body: RegExp): void {
    do {
      at += 1
      take(body)
      at += 1
    } while (continues())
  }

  /** A string goes on after a line break, and keeps its kind. Without a line break it would be no SQL at all. */
  function continues(): boolean {
    continuation.lastIndex = at
    if (!continuation.test(sql)) return false
    at = continuation.lastIndex - 1
    return true
  }

  function takeDollarString(): string | undefined {
    const tag = take(dollarTag)
    if (tag === undefined) return undefined
    const end = sql.indexOf(tag, at)
    at = end === -1 ? sql.length : end + tag.length
    return '?'
  }

  /** A keyword or name, and the string right behind it, which it may be the prefix of: E'', N'', B'', X''. */
  function takeWord(): string | undefined {
    const name = take(word)
    if (name === undefined || sql[at] !== "'") return name
    skipString(/^e$/i.test(name) ? escapeString : plainString)
    return /^[ebnx]$/i.test(name) ? '?' : `${name} ?`
  }

  function next(): string {
    at += 1
    return sql[at - 1] as string
  }

  while (at < sql.length) {
    const first = sql[at] as string
    if (take(blank) !== undefined || take(lineComment) !== undefined) {
      result += ' '
    } else if (sql.startsWith('/*', at)) {
      at = endOfComment(sql, at)
      result += ' '
    } else if (first === "'") {
      skipString(plainString)
      result += '?'
    } else if (first === '"') {
      result += take(quotedIdentifier)
    } else if (first === '$') {
      result += take(parameter) ?? takeDollarString() ?? next()
    } else {
      result += takeWord() ?? (take(number) === undefined ? next() : '?')
    }
  }
  return result.replace(/\s+/g, ' ').trim()
}

/** PostgreSQL's block comments nest. */
function endOfComment(sql: string, start: number): number {
  let depth = 0
  commentEdge.lastIndex = start
  for (let edge = commentEdge.exec(sql); edge !== null; edge = commentEdge.exec(sql)) {
    depth += edge[0] === '/*' ? 1 : -1
    if (depth === 0) return commentEdge.lastIndex
  }
  return sql.length
}
