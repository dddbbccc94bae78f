export interface Token {
  readonly kind: 'blank' | 'string' | 'identifier' | 'word' | 'parameter' | 'number' | 'symbol'
  /** As it stands in the text; a comment is a blank. */
  readonly text: string
}

// The pieces that PostgreSQL's lexer would see, in the order in which it decides. Each is a run of single characters, or is
// searched for: V8 keeps a way back for every round of a repeated alternative, which a literal of megabytes exhausts.
const blanks = /\s+/y
const lineComment = /--[^\n\r]*/y
const commentEdge = /\/\*|\*\//g
const word = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy
const parameter = /\$\d+/y
const dollarTag = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy
const number = /0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?/iy
const quoteOrEscape = /['\\]/g

/** Splits SQL as PostgreSQL's lexer does. What is not closed takes in the rest. */
export function* sqlTokens(sql: string): Generator<Token> {
  let at = 0

  /** Where a piece that starts at `from` ends, or `from` if it is not there. */
  function endOf(pattern: RegExp, from: number): number {
    pattern.lastIndex = from
    return pattern.test(sql) ? pattern.lastIndex : from
  }

  /** Behind blanks and line comments. */
  function endOfBlank(from: number): number {
    for (let end = from; ; ) {
      const next = endOf(lineComment, endOf(blanks, end))
      if (next === end) return end
      end = next
    }
  }

  /** Behind the quote that closes what was opened by one. Doubled, it stands for itself. */
  function endOfQuoted(quote: string, open: number): number {
    for (let from = open + 1; ; ) {
      const close = sql.indexOf(quote, from)
      if (close === -1) return sql.length
      if (sql[close + 1] !== quote) return close + 1
      from = close + 2
    }
  }

  /** The same where a backslash takes the next character with it. */
  function endOfEscaped(open: number): number {
    for (let from = open + 1; ; ) {
      quoteOrEscape.lastIndex = from
      const at = quoteOrEscape.exec(sql)?.index
      if (at === undefined) return sql.length
      if (sql[at] === "'" && sql[at + 1] !== "'") return at + 1
      from = at + 2
    }
  }

  /** A string goes on after a line break, and keeps its kind. Without a line break it would be no SQL at all. */
  function endOfString(quote: number, escapes: boolean): number {
    for (let open = quote; ; ) {
      const end = escapes ? endOfEscaped(open) : endOfQuoted("'", open)
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
        return ['identifier', endOfQuoted('"', at)]
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
    // A string right behind a word may have it for a prefix: E'', N'', B'', X''.
    if (sql[wordEnd] !== "'" || !/^[ebnx]$/i.test(sql.slice(at, wordEnd))) return ['word', wordEnd]
    return ['string', endOfString(wordEnd, /^e/i.test(sql.slice(at, wordEnd)))]
  }

  while (at < sql.length) {
    const [kind, end] = next()
    yield end === at ? { kind: 'symbol', text: sql.charAt(at) } : { kind, text: sql.slice(at, end) }
    at = Math.max(end, at + 1)
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
