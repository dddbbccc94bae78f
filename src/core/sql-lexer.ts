export interface Token {
  readonly kind: 'blank' | 'string' | 'identifier' | 'word' | 'parameter' | 'number' | 'symbol'
  /** As it stands in the text; a comment is a blank. */
  readonly text: string
}

// The pieces that PostgreSQL's lexer would see, in the order in which it decides. Each is matched at one place, without
// backtracking over what follows.
const blank = /(?:\s+|--[^\n]*)+/y
const commentEdge = /\/\*|\*\//g
const word = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy
const parameter = /\$\d+/y
const dollarTag = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy
const number = /0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?/iy
const plainString = /(?:[^']|'')*/y
const escapeString = /(?:[^'\\]|\\[\s\S]|'')*/y
const continuation = /(?:\s|--[^\n\r]*)*'/y
const quotedIdentifier = /"(?:[^"]|"")*"?/y

/** Splits SQL as PostgreSQL's lexer does. What is not closed takes in the rest. */
export function* sqlTokens(sql: string): Generator<Token> {
  let at = 0

  /** Where a piece that starts at `from` ends, or `from` if it is not there. */
  function endOf(pattern: RegExp, from: number): number {
    pattern.lastIndex = from
    return pattern.test(sql) ? pattern.lastIndex : from
  }

  /** A string goes on after a line break, and keeps its kind. Without a line break it would be no SQL at all. */
  function endOfString(body: RegExp, quote: number): number {
    for (let from = quote; ; ) {
      const end = endOf(body, from + 1) + 1
      const next = endOf(continuation, end)
      if (next === end) return Math.min(end, sql.length)
      from = next - 1
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
        return ['string', endOfString(plainString, at)]
      case '"':
        return ['identifier', endOf(quotedIdentifier, at)]
      case '$': {
        const end = endOf(parameter, at)
        return end === at ? ['string', endOfDollarString()] : ['parameter', end]
      }
      case '/':
        if (sql[at + 1] === '*') return ['blank', endOfComment(sql, at)]
    }
    const blankEnd = endOf(blank, at)
    if (blankEnd > at) return ['blank', blankEnd]
    const wordEnd = endOf(word, at)
    if (wordEnd === at) return ['number', endOf(number, at)]
    // A string right behind a word may have it for a prefix: E'', N'', B'', X''.
    if (sql[wordEnd] !== "'" || !/^[ebnx]$/i.test(sql.slice(at, wordEnd))) return ['word', wordEnd]
    return ['string', endOfString(/^e/i.test(sql.slice(at, wordEnd)) ? escapeString : plainString, wordEnd)]
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
