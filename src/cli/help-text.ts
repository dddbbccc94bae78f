import { wrap } from './report/layout.ts'

/**
 * Wraps the paragraphs of a help text to a width. Lines that start with exactly two spaces are rows of a table, whose
 * text is aligned behind its first column; deeper lines continue a row.
 */
export function helpText(text: string, columns: number): string {
  const paragraphs = text.split('\n\n').map((paragraph) =>
    blocksOf(paragraph.split('\n'))
      .flatMap((block) => wrapBlock(block, columns))
      .join('\n'),
  )
  return paragraphs.join('\n\n')
}

/** The lines of a paragraph, grouped into rows and running text. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = []
  let isRow = false
  for (const line of lines) {
    const startsRow = /^ {2}\S/.test(line)
    const last = blocks.at(-1)
    if (last === undefined || startsRow || (isRow && !line.startsWith(' '))) blocks.push([line])
    else last.push(line)
    isRow = startsRow || (isRow && line.startsWith(' '))
  }
  return blocks
}

function wrapBlock(block: readonly string[], columns: number): string[] {
  const text = block.map((line) => line.trim()).join(' ')
  const [head = ''] = /^ {2}\S+ {2,}(?=\S)/.exec(block[0] ?? '') ?? []
  if (head === '') return wrap(text, columns, block[0]?.startsWith(' ') === true ? '  ' : '')
  const rest = text.slice(head.trim().length).trimStart()
  const [first = '', ...more] = wrap(rest, columns, ' '.repeat(head.length))
  return [`${head}${first.trimStart()}`, ...more]
}
