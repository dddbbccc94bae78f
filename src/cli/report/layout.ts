import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/** The narrowest terminal to wrap for; below it, the terminal's own line breaks are easier to read. */
const narrowest = 40
const ellipsis = '...'
const graphemes = new Intl.Segmenter()

/**
 * Wraps a text at a number of terminal columns, where some characters take two, and indents every line. Without columns
 * it stays one line. Long words are not broken, so that they can be copied.
 */
export function wrap(text: string, columns: number | undefined, indent: string, further = indent): string[] {
  if (columns === undefined || columns < narrowest) return [`${indent}${text}`]
  // Normalised as by wrap-ansi: the rest of the text is found by the length of its first line.
  const whole = text.trim().normalize()
  const [first = ''] = linesOf(whole, columns - stringWidth(indent))
  const rest = whole.slice(first.length).trimStart()
  const more = rest === '' ? [] : linesOf(rest, columns - stringWidth(further))
  return [`${indent}${first}`, ...more.map((line) => `${further}${line}`)]
}

/** Whether a line fits on the terminal. */
export function fits(line: string, columns: number | undefined): boolean {
  return columns === undefined || stringWidth(line) <= columns
}

function linesOf(text: string, room: number): string[] {
  return wrapAnsi(text, Math.max(room, 1)).split('\n')
}

/** Truncates a text to the rest of a line, and marks it. */
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
