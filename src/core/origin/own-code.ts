import { readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { type Frame, parseFrame, stackLines } from './stack-text.ts'

// The same code runs from its source, from a part of the package, and from a bundle of an application: the stack says
// which.
const ownFile = fileOfTopFrame()
const [, ownRoot] =
  /^(.*[/\\])(?:src[/\\]core[/\\]origin[/\\]own-code\.ts|dist[/\\]cjs[/\\]pg-lifeguard\.js)$/.exec(ownFile) ??
  []
// Source maps lead from `dist` to `src`.
const ownFolders = ownRoot === undefined ? [] : ['src', 'dist'].map((folder) => join(ownRoot, folder, sep))

/** In a bundle the folders around this code are the user's. */
export const isBundled = ownRoot === undefined

/** The texts of functions that are not the application's, although they are in a file with it. */
const texts = new Set<string>()
/** Shorter ones could be in the application, too. */
const leastText = 40
/** The last file that was searched; collected when memory is needed. */
let searched: WeakRef<{ readonly file: string; readonly content: string }> | undefined

/**
 * Excludes functions and classes of this package, or of a pool, from the search for the user's line. In a bundle without
 * a source map, their text alone tells them from the application's code.
 */
export function excludeInBundle(...functions: readonly unknown[]): void {
  if (!isBundled) return
  for (const one of functions) {
    const text = typeof one === 'function' ? String(one) : ''
    if (text.length >= leastText && !text.endsWith('{ [native code] }')) texts.add(text)
  }
}

/** Whether the frame is not the application's although no folder says so. */
export function isOwnCode({ file, line, column }: Frame): boolean {
  if (!isBundled) return ownFolders.some((folder) => file.startsWith(folder))
  const content = contentOf(file)
  const place = placeIn(content, line, column)
  if (place === undefined) return false
  for (const text of texts) {
    const start = place - text.length + 1
    const found = content.slice(Math.max(start, 0), place + text.length).indexOf(text)
    if (found !== -1 && Math.max(start, 0) + found <= place) return true
  }
  return false
}

function placeIn(content: string, line: number, column: number): number | undefined {
  let start = 0
  for (let one = 1; one < line; one += 1) {
    start = content.indexOf('\n', start) + 1
    if (start === 0) return undefined
  }
  return start + column - 1
}

function contentOf(file: string): string {
  const known = searched?.deref()
  if (known?.file === file) return known.content
  let content = ''
  try {
    content = readFileSync(file, 'utf8')
  } catch {
    // It exists in memory only, or no longer.
  }
  searched = new WeakRef({ file, content })
  return content
}

function fileOfTopFrame(): string {
  const [top = ''] = stackLines(new Error())
  return parseFrame(top)?.file ?? ''
}
