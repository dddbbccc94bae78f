import type { Token } from './lexer.ts'

/** The tokens of each argument of a call, from its opening parenthesis. */
export function argumentsAt(tokens: readonly Token[], open: number): Token[][] {
  const found: Token[][] = [[]]
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at]
    if (token === undefined) break
    if (token.text === '(' && depth++ === 0) continue
    if (token.text === ')' && --depth === 0) break
    if (token.text === ',' && depth === 1) found.push([])
    else found.at(-1)?.push(token)
  }
  return found
}

const beforeColumn = ['select', 'all', 'distinct', ',', 'from', 'returning']
const operators = ['is', 'isnull', 'notnull', 'and', 'or', 'not', 'in']

/**
 * Whether a call is a whole column, so that each row contains its result. In a condition or an operand it may not run.
 */
export function isColumn(tokens: readonly Token[], call: number): boolean {
  let first = call
  while (tokens[first - 1]?.text === '.') first -= 2
  if (!beforeColumn.includes(tokens[first - 1]?.text.toLowerCase() ?? '')) return false
  let depth = 0
  const close = tokens.findIndex(({ text }, at) => {
    if (at <= call) return false
    if (text === '(') depth++
    return text === ')' && --depth === 0
  })
  const { kind, text } = tokens[close + 1] ?? { kind: 'symbol', text: ',' }
  return kind === 'symbol' ? text === ',' || text === ':' : !operators.includes(text.toLowerCase())
}
