/** On narrower terminals, text that the terminal breaks is easier to read. */
export const narrowest = 40

/** Breaks a text between words at a number of columns, and indents every line. Without columns it stays one line. */
export function wrap(text: string, columns: number | undefined, indent: string, further = indent): string[] {
  if (columns === undefined || columns < narrowest) return [`${indent}${text}`]
  const lines: string[] = []
  let line = indent
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = further
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
