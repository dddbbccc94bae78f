import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/** Narrower than this, wrapped text is harder to read than text that the terminal breaks. */
const narrowest = 40
const ellipsis = '...'
const graphemes = new Intl.Segmenter()

/**
 * Breaks a text between words at so many columns of the terminal, where some characters take two, and indents every line.
 * Without columns it stays one line. A word that is too long stays whole, so that it can be copied.
 */
export function wrap(text: string, columns: number | undefined, indent: string, further = indent): string[] {
  if (columns === undefined || columns < narrowest) return [`${indent}${text}`]
  // Composed, as wrap-ansi does it: what is left of the text is found by the length of its first line.
  const whole = text.trim().normalize()
  const [first = ''] = linesOf(whole, columns - stringWidth(indent))
  const rest = whole.slice(first.length).trimStart()
  const more = rest === '' ? [] : linesOf(rest, columns - stringWidth(further))
  return [`${indent}${first}`, ...more.map((line) => `${further}${line}`)]
}

/** Whether a line has room on the terminal. */
export function fits(line: string, columns: number | undefined): boolean {
  return columns === undefined || stringWidth(line) <= columns
}

function linesOf(text: string, room: number): string[] {
  return wrapAnsi(text, Math.max(room, 1)).split('\n')
}

/** Cuts a text to what is left of a line, and shows that it did. */
export function cut(text: string, columns: number | undefined, used: number): string {
  if (columns === undefined) return text
  const room = Math.max(columns, narrowest) - used
  if (stringWidth(text) <= room) return text
  let kept = ''
  let width = stringWidth(ellipsis)
  for (const { segment } of graphemes.segment(text)) {
    width += stringWidth(segment)
    if (width > room && kept !== '') break
    kept += segment
  }
  return `${kept}${ellipsis}`
}
