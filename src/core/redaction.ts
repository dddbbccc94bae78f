/** How much of a statement's text a report shows. Bind values are never part of it. */
export type QueryTextMode = 'full' | 'redacted' | 'none'

const longestText = 300

// One token per alternative, in the order in which PostgreSQL's lexer would decide. What is not closed ends the text:
// it is better to hide too much than to show half a password.
const tokens = new RegExp(
  [
    /\/\*[\s\S]*?(?:\*\/|$)/, // a block comment
    /--[^\n]*/, // a line comment
    /\be'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/, // a string with escapes
    /'(?:[^']|'')*(?:'|$)/, // a string
    /\$([a-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/, // a dollar-quoted string
    /"(?:[^"]|"")*(?:"|$)/, // a quoted identifier
    /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/, // a word, so that the digits in it stay
    /\$\d+/, // a parameter
    /(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?|0[xob][\da-f_]+/, // a number
  ]
    .map((token) => `(?:${token.source})`)
    .join('|'),
  'gi',
)

/** The text as a report may show it: one line, not too long, literals replaced unless the mode is `full`. */
export function presentQueryText(text: string | undefined, mode: QueryTextMode): string | undefined {
  if (text === undefined || mode === 'none') return undefined
  if (mode === 'full') return text
  // A text of megabytes (a bulk insert) is cut before the work; one that is cut inside a string hides the rest.
  const redacted = text
    .slice(0, longestText * 8)
    .replace(tokens, hideLiteral)
    .replace(/\s+/g, ' ')
    .trim()
  return redacted.length > longestText ? `${redacted.slice(0, longestText)}...` : redacted
}

function hideLiteral(token: string): string {
  const first = token[0] as string
  if (token.startsWith('/*') || token.startsWith('--')) return ' '
  if (first === "'" || /^e'/i.test(token)) return '?'
  if (first === '$') return /^\$\d+$/.test(token) ? token : '?'
  if (first === '.' || (first >= '0' && first <= '9')) return '?'
  return token
}
