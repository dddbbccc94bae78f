/** Tells the story on the terminal, and keeps the list of what it claimed. */
import { inspect, styleText } from 'node:util'

/** Something was claimed that is not so. */
export class BrokenClaim extends Error {
  override readonly name = 'BrokenClaim'
}

export interface Narrator {
  title(text: string): void
  scene(text: string): void
  say(text: string): void
  /** Something to type. */
  code(text: string): void
  /** Rows in columns, the first row being their headings. The last column is cut where the line ends. */
  table(rows: readonly (readonly string[])[]): void
  /**
   * Says what is so, if it is so.
   *
   * @throws BrokenClaim with what was seen instead
   */
  claim(text: string, holds: boolean, seen: unknown): void
  /** Between the two others print, set off from the story. */
  handOver(to: string): void
  takeBack(): void
  /** How many claims there were. */
  readonly claims: number
}

export interface Output {
  write(text: string): unknown
  readonly columns?: number
}

const narrowest = 60
const widestProse = 100

export function createNarrator(output: Output): Narrator {
  let claims = 0
  const width = () => Math.max(narrowest, output.columns || 80)
  const line = (text = '') => output.write(`${text}\n`)
  const rule = (start = '') => line(styleText('dim', start.padEnd(Math.min(width(), widestProse), '-')))

  return {
    title(text) {
      line()
      line(styleText('bold', text))
      line(styleText('bold', '='.repeat(text.length)))
    },
    scene(text) {
      line()
      line()
      line(styleText('bold', styleText('cyan', text)))
    },
    say(text) {
      line()
      for (const part of wrap(text, Math.min(width(), widestProse))) line(part)
    },
    code(text) {
      line()
      line(`  ${styleText('cyan', text)}`)
    },
    table(rows) {
      line()
      const widths = (rows[0] ?? []).map((_, column) =>
        Math.max(...rows.map((row) => row[column]?.length ?? 0)),
      )
      for (const [index, row] of rows.entries()) {
        const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
        const text = cut(`  ${cells.join('  ')}`.trimEnd(), width())
        line(index === 0 ? styleText('dim', text) : text)
      }
    },
    claim(text, holds, seen) {
      if (!holds)
        throw new BrokenClaim(`This is not so: ${text}\nSeen instead: ${inspect(seen, { depth: 2 })}`)
      claims += 1
      const [first = '', ...rest] = wrap(text, Math.min(width(), widestProse) - 6)
      line(`  ${styleText('green', 'ok')}  ${first}`)
      for (const part of rest) line(`      ${part}`)
    },
    handOver(to) {
      line()
      rule(`--- ${to} `)
    },
    takeBack() {
      rule()
      line()
    },
    get claims() {
      return claims
    },
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(/\s+/)) {
    const longer = current === '' ? word : `${current} ${word}`
    if (longer.length <= width || current === '') current = longer
    else {
      lines.push(current)
      current = word
    }
  }
  return [...lines, current]
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`
}
