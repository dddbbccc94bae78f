import { sqlTokens } from './lexer.ts'

/** PostgreSQL's own letters: no transaction, an open one, a failed one. */
export type TransactionLetter = 'I' | 'T' | 'E'

const ending = /^\s*(?:commit|end|rollback|abort|prepare\s+transaction)\b/i

/** Whether the text is one statement that ends its transaction, and nothing else: after it there is none. */
export function endsTransaction(text: string): boolean {
  if (!ending.test(text)) return false
  const effects = effectsOf(text)
  return effects.length === 1 && effects[0] === 'ends'
}

/**
 * The state of a transaction after a text was answered, for a driver that does not show what the server says of it.
 *
 * @param failure the SQLSTATE, if it has failed. Where that leaves more than one possibility, it is taken that no
 *   transaction is open: nobody is accused of what is not known.
 */
export function letterAfter(before: TransactionLetter, text: string, failure?: string): TransactionLetter {
  const effects = effectsOf(text)
  if (failure === undefined) return effects.reduce(after, before)
  if (failure === inFailedTransaction) return 'E'
  const [first] = effects
  // A COMMIT that fails, as for a deferred constraint, has rolled back.
  if (effects.length === 1) return before === 'I' || first === 'ends' ? 'I' : 'E'
  // A text with an error of syntax is not begun.
  const isBegun = failure !== syntaxError
  if (isBegun && effects.includes('ends')) return 'I'
  return before !== 'I' || (isBegun && first === 'opens') ? 'E' : 'I'
}

const inFailedTransaction = '25P02'
const syntaxError = '42601'

type Effect = 'opens' | 'ends' | 'goes on' | undefined

function after(before: TransactionLetter, effect: Effect): TransactionLetter {
  switch (effect) {
    case 'opens':
      return before === 'I' ? 'T' : before
    case 'ends':
      return 'I'
    case 'goes on':
      return 'T'
    default:
      return before
  }
}

const none: readonly Effect[] = [undefined]

/** As drivers send them for each transaction, for which they are not parsed. */
const usual: ReadonlyMap<string, readonly Effect[]> = new Map([
  ['begin', ['opens']],
  ['commit', ['ends']],
  ['rollback', ['ends']],
])

/** The effect of each statement. */
function effectsOf(text: string): readonly Effect[] {
  // Most statements are one, and none of these.
  if (!text.includes(';') && !/^\s*(?:begin|start|commit|end|rollback|abort|prepare|--|\/\*)/i.test(text))
    return none
  return usual.get(text) ?? statementsOf(text).map(effectOf)
}

/** The words of each statement, in lower case. */
function statementsOf(text: string): string[][] {
  const statements: string[][] = [[]]
  for (const token of sqlTokens(text)) {
    if (token.kind === 'blank') continue
    if (token.kind === 'symbol' && token.text === ';') statements.push([])
    else statements.at(-1)?.push(token.text.toLowerCase())
  }
  const filled = statements.filter((words) => words.length > 0)
  // The body of a function has an END of its own.
  return filled.length === 0 || filled.some(isBody) ? [[]] : filled
}

function isBody(words: readonly string[]): boolean {
  return words.some((word, index) => word === 'begin' && words[index + 1] === 'atomic')
}

function effectOf([first, second, ...more]: readonly string[]): Effect {
  const words = [second, ...more]
  switch (first) {
    case 'begin':
      return 'opens'
    case 'start':
    case 'prepare':
      if (second !== 'transaction') return undefined
      return first === 'start' ? 'opens' : 'ends'
    case 'rollback':
      if (second === 'prepared') return undefined
      if (words.includes('to')) return 'goes on'
      return chains(words) ? 'goes on' : 'ends'
    case 'commit':
      if (second === 'prepared') return undefined
      return chains(words) ? 'goes on' : 'ends'
    case 'end':
    case 'abort':
      return chains(words) ? 'goes on' : 'ends'
    default:
      return undefined
  }
}

function chains(words: readonly (string | undefined)[]): boolean {
  return words.includes('chain') && !words.includes('no')
}
