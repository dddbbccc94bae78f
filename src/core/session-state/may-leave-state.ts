import { startsWith } from '../../sql/statement.ts'

// Alternatives of plain letters: V8 searches for them in one fast pass, which costs less than two searches.
const leavingCall = /set_config|advisory_lock/i
const leaving = String.raw`(?:(?:set|listen|prepare|declare|create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?)\b|(?:select|with)\b[^;]*(?:set_config|advisory_lock))`
const leavingFirst = new RegExp(leaving, 'iy')
const leavingLater = new RegExp(`;\\s*${leaving}`, 'i')
/** Only the beginning of a text is searched for calls. */
const longestCall = 4096

/**
 * Whether the text may leave something in its session that outlasts the transaction. Called for every query: in doubt
 * it returns true, and `sessionChanges` decides.
 */
export function mayLeaveState(text: string): boolean {
  switch (text.charCodeAt(0) | 32) {
    case 115: // s: SET, SELECT
    case 119: // w: WITH
      if ((text.charCodeAt(2) | 32) === 116 && (text.charCodeAt(1) | 32) === 101) return true
      if (leavingCall.test(text.length > longestCall ? text.slice(0, longestCall) : text)) return true
      break
    case 99: // c: CREATE TEMP
    case 100: // d: DECLARE
    case 108: // l: LISTEN
    case 112: // p: PREPARE
    case 32: // blanks and comments, as in opensTransaction
    case 41:
    case 42:
    case 45:
    case 47:
      if (startsWith(text, leavingFirst)) return true
      break
  }
  const semicolon = text.indexOf(';')
  return semicolon !== -1 && semicolon < text.length - 1 && leavingLater.test(text)
}
