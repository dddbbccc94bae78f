import { readFileSync } from 'node:fs'
import type { Frame } from '../core/origin/origin.ts'
import { safeText } from '../text/safe-text.ts'
import type { Style } from '../text/style.ts'

/** The number of lines shown before and after the line. */
export const linesAround = 2

/** The source around a frame, with its position marked; empty if the source cannot be read. */
export function codeFrame(frame: Frame, style: Style, columns = 120): string[] {
  const lines = readSource(frame.file)
  if (lines === undefined || frame.line > lines.length) return []
  const first = Math.max(1, frame.line - linesAround)
  const last = Math.min(lines.length, frame.line + linesAround)
  const gutter = String(last).length
  // Minus the gutter and the indent of the report.
  const widest = Math.max(20, columns - gutter - 10)
  const shown: string[] = []
  for (let number = first; number <= last; number++) {
    const isMarked = number === frame.line
    const { text, column } = cut(lines[number - 1] ?? '', isMarked ? frame.column : 1, widest)
    const label = String(number).padStart(gutter)
    if (!isMarked) {
      shown.push(style('dim', `  ${label} | ${text}`.trimEnd()))
      continue
    }
    shown.push(`${style('red', '>')} ${label} | ${text}`)
    if (column <= widest) {
      shown.push(`  ${' '.repeat(gutter)} | ${' '.repeat(column - 1)}${style('red', '^')}`)
    }
  }
  return shown
}

/** The part of a line around a column: the lines of a bundle are long. */
function cut(line: string, column: number, widest: number): { text: string; column: number } {
  // The call that follows says more than what is before it.
  const start = column <= widest * 0.75 ? 0 : column - 1 - Math.floor(widest / 3)
  const characters = [...line.slice(start, start + 2 * widest).replaceAll('\t', ' ')].slice(0, widest)
  if (start > 0) characters[0] = '…'
  return { text: safeText(characters.join('')), column: column - start }
}

function readSource(file: string): string[] | undefined {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)
  } catch {
    return undefined
  }
}
