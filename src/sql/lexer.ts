export interface Token {
  readonly kind: 'blank' | 'string' | 'identifier' | 'word' | 'parameter' | 'number' | 'symbol'
  /** The text as written. Comments are blanks. */
  readonly text: string
}

// In the order of PostgreSQL's lexer. Each pattern is a run of single characters, or searches for one: for a repeated
// alternative V8 stores a backtracking step per round, and a literal of megabytes would overflow its stack.
const blanks = /\s+/y
const lineComment = /--[^\n\r]*/y
const commentEdge = /\/\*|\*\//g
const word = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy
const parameter = /\$\d+/y
const dollarTag = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy
const number = /0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?/iy
const quoteOrEscape = /['\\]/g

/** Splits SQL as PostgreSQL's lexer does. A literal or comment that is not closed extends to the end. */
export function* sqlTokens(sql: string): Generator<Token> {
  let at = 0

  /** The end of a piece that starts at `from`, or `from` if there is none. */
  function endOf(pattern: RegExp, from: number): number {
    pattern.lastIndex = from
    return pattern.test(sql) ? pattern.lastIndex : from
  }

  /** The end of blanks and line comments. */
  function endOfBlank(from: number): number {
    for (let end = from; ; ) {
      const next = endOf(lineComment, endOf(blanks, end))
      if (next === end) return end
      end = next
    }
  }

  /** A string may continue on the next line, and keeps its kind. On one line, two strings in a row are no SQL. */
  function endOfString(quote: number, escapes: boolean): number {
    for (let open = quote; ; ) {
      const end = escapes ? endOfEscaped(sql, open) : endOfQuoted(sql, "'", open)
      open = endOfBlank(end)
      if (end >= sql.length || sql[open] !== "'") return Math.min(end, sql.length)
    }
  }

  function endOfDollarString(): number {
    const open = endOf(dollarTag, at)
    if (open === at) return at
    const tag = sql.slice(at, open)
    const end = sql.indexOf(tag, open)
    return end === -1 ? sql.length : end + tag.length
  }

  function next(): readonly [Token['kind'], number] {
    switch (sql[at]) {
      case "'":
        return ['string', endOfString(at, false)]
      case '"':
        return ['identifier', endOfQuoted(sql, '"', at)]
      case '$': {
        const end = endOf(parameter, at)
        return end === at ? ['string', endOfDollarString()] : ['parameter', end]
      }
      case '/':
        if (sql[at + 1] === '*') return ['blank', endOfComment(sql, at)]
    }
    const blankEnd = endOfBlank(at)
    if (blankEnd > at) return ['blank', blankEnd]
    const wordEnd = endOf(word, at)
    if (wordEnd === at) return ['number', endOf(number, at)]
    // These words are prefixes of a string that follows at once: E'', N'', B'', X''.
    if (sql[wordEnd] !== "'" || !/^[ebnx]$/i.test(sql.slice(at, wordEnd))) return ['word', wordEnd]
    return ['string', endOfString(wordEnd, /^e/i.test(sql.slice(at, wordEnd)))]
  }

  while (at < sql.length) {
    const [kind, end] = next()
    yield end === at ? { kind: 'symbol', text: sql.charAt(at) } : { kind, text: sql.slice(at, end) }
    at = Math.max(end, at + 1)
  }
}

/** The end of a quoted piece. A doubled quote stands for itself. */
function endOfQuoted(sql: string, quote: string, open: number): number {
  for (let from = open + 1; ; ) {
    const close = sql.indexOf(quote, from)
    if (close === -1) return sql.length
    if (sql[close + 1] !== quote) return close + 1
    from = close + 2
  }
}

/** The end of a string in which a backslash escapes the next character. */
function endOfEscaped(sql: string, open: number): number {
  for (let from = open + 1; ; ) {
    quoteOrEscape.lastIndex = from
    const at = quoteOrEscape.exec(sql)?.index
    if (at === undefined) return sql.length
    if (sql[at] === "'" && sql[at + 1] !== "'") return at + 1
    from = at + 2
  }
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
