import { sqlTokens, type Token } from './lexer.ts'

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

/** Replaces literals by `?`, and comments, which may quote some, by nothing. What is not closed hides the rest. */
function redact(sql: string): string {
  let result = ''
  let before: Token['kind'] | undefined
  for (const { kind, text } of sqlTokens(sql)) {
    if (kind === 'blank') result += ' '
    else if (kind !== 'string' && kind !== 'number') result += text
    else result += before === 'word' ? ' ?' : '?'
    before = kind
  }
  return result.replace(/\s+/g, ' ').trim()
}
