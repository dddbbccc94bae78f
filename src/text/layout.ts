import { narrowest } from './wrap.ts'

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
