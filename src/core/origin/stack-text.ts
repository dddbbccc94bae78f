import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One line of a stack, in the user's source if source maps are enabled. */
export interface Frame {
  /** Absolute path of the file. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  readonly functionName?: string
}

/** A stack that was recorded but not yet formatted, which is the expensive part. */
export interface CapturedStack {
  readonly stack?: unknown
}

const framePattern =
  /^\s+at (?:async )?(?:(.*?) \()?((?:file:\/\/|[a-z]:\\|\/|[\w-]+:\/\/).*?):(\d+):(\d+)\)?$/i

/** What webpack names a module that it evaluates from a string: `webpack-internal:///./a.js`, `webpack://app/./a.js?`. */
const evaluatedPattern = /^webpack-internal:|^webpack:.*\?[^/]*$/
const evaluated = new WeakSet<Frame>()

/** The text of a stack, without its message: one line a frame. */
export function stackLines(captured: CapturedStack): string[] {
  const lines = readStack(captured).split('\n')
  const first = lines.findIndex((line) => /^\s+at /.test(line))
  return first === -1 ? [] : lines.slice(first)
}

export function readStack(captured: CapturedStack): string {
  try {
    // Formatting runs `Error.prepareStackTrace`, which may be the code of a source-map tool.
    const { stack } = captured
    return Array.isArray(stack) ? stack.map((site) => `    at ${site}`).join('\n') : String(stack)
  } catch {
    return ''
  }
}

/** Undefined for code that is in no file. */
export function parseFrame(text: string): Frame | undefined {
  const match = text.includes('(eval at ') ? null : framePattern.exec(text)
  if (match === null) return undefined
  const [, functionName, location, line, column] = match
  const place = { file: filePath(location as string), line: Number(line), column: Number(column) }
  const frame: Frame = functionName ? { ...place, functionName } : place
  if (evaluatedPattern.test(location as string)) evaluated.add(frame)
  return frame
}

/** Whether there is, or was, such a file. The names in a source map may be those of other machines. */
export function isKnownFile(frame: Frame): boolean {
  return evaluated.has(frame) || existsSync(frame.file)
}

function filePath(location: string): string {
  const file = location.replace(/\?[^/\\]*$/, '')
  if (!file.startsWith('file://')) return file
  try {
    return fileURLToPath(file)
  } catch {
    // Not a path of this platform, but still the best name available.
    return file
  }
}
