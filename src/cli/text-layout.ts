/** Narrower than this, text that is wrapped is harder to read than text that the terminal breaks. */
const narrowest = 40

/** Breaks a text between words at so many columns, and indents every line. Without columns it stays one line. */
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

/** Cuts a text to what is left of a line, and shows that it did. */
export function cut(text: string, columns: number | undefined, used: number): string {
  if (columns === undefined) return text
  const room = Math.max(columns, narrowest) - used
  return text.length <= room ? text : `${text.slice(0, Math.max(room - 3, 1))}...`
}

/** `1 session`, `2 sessions`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}
