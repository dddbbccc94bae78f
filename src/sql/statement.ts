const blank = /(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/y
const opening = /(?:begin|start\s+transaction)\b/iy
const openingLater = /;\s*(?:begin|start\s+transaction)\b/i
const committing = /(?:commit|end|prepare\s+transaction)\b/iy
const rollback = /(?:rollback|abort)(?:\s+(?:work|transaction))?(?:\s+and\s+no\s+chain)?/iy

/**
 * The text in the first argument of `client.query`: a string, a config with `text` or only the `name` of a prepared
 * statement, or a submittable.
 */
export function statementText(config: unknown): string | undefined {
  if (typeof config === 'string') return config
  if (typeof config !== 'object' || config === null) return undefined
  const { text, name } = config as { text?: unknown; name?: unknown }
  if (typeof text === 'string') return text
  if (typeof name === 'string') return name
  // A query stream carries its text on the cursor inside it.
  const { cursor } = config as { cursor?: unknown }
  return typeof cursor === 'object' && cursor !== null ? statementText(cursor) : undefined
}

/** Whether the text opens a transaction explicitly, alone or as one of several statements. Called for every query. */
export function opensTransaction(text: string): boolean {
  switch (text.charCodeAt(0) | 32) {
    case 98: // b
      if (startsWith(text, opening)) return true
      break
    case 115: // s: START, but SELECT and SET are far more frequent
      if ((text.charCodeAt(1) | 32) === 116 && startsWith(text, opening)) return true
      break
    case 32: // blank
    case 41: // tab, and a closing parenthesis
    case 42: // line feed
    case 45: // carriage return, or a line comment
    case 47: // a block comment
      if (startsWith(text, opening)) return true
      break
  }
  const semicolon = text.indexOf(';')
  return semicolon !== -1 && semicolon < text.length - 1 && openingLater.test(text)
}

/** Whether the text commits a transaction. */
export function isCommit(text: string): boolean {
  return startsWith(text, committing)
}

/**
 * Whether the text is only a ROLLBACK of the whole transaction: not to a savepoint, not followed by another statement,
 * and not with AND CHAIN, which starts a new transaction.
 */
export function isRollback(text: string): boolean {
  if (!startsWith(text, rollback)) return false
  let end = skipBlank(text, rollback.lastIndex)
  if (text[end] === ';') end = skipBlank(text, end + 1)
  return end === text.length
}

/** Whether the text starts, after blanks and comments, with a keyword, given as a sticky pattern. */
export function startsWith(text: string, keyword: RegExp): boolean {
  keyword.lastIndex = skipBlank(text, 0)
  return keyword.test(text)
}

function skipBlank(text: string, from: number): number {
  blank.lastIndex = from
  blank.test(text)
  return blank.lastIndex
}
