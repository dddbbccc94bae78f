/** The narrowest terminal to wrap for; below it, the terminal's own line breaks are easier to read. */
export const narrowest = 40

/** Spaces between words, but not those between a number and its unit. */
const breaks = /(?<!\d) | (?!(?:ms|s|min|h)\b)/

/** Wraps a text at a number of columns, and indents every line. Without columns it stays one line. */
export function wrap(text: string, columns: number | undefined, indent: string, further = indent): string[] {
  if (columns === undefined || columns < narrowest) return [`${indent}${text}`]
  const lines: string[] = []
  let line = indent
  let isEmpty = true
  for (const word of text.split(breaks)) {
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
