import { existsSync } from 'node:fs'
import Module from 'node:module'
import { join } from 'node:path'
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

/** Equal for frames at the same place. */
export function placeKey({ file, line, column }: Frame): string {
  return `${file}:${line}:${column}`
}

/** A stack that was recorded but not yet formatted, which is the expensive part. */
export interface CapturedStack {
  readonly stack?: unknown
  /** For a stack that was recorded when a library was called, before it asked the pool: the most frames it could have. */
  carried?: number
}

const framePattern =
  /^\s+at (?:async )?(?:(.*?) \()?((?:file:\/\/|[a-z]:\\|\/|[\w-]+:\/\/).*?):(\d+):(\d+)\)?$/i

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
  const place = sourceOf({ file: filePath(location as string), line: Number(line), column: Number(column) })
  return functionName ? { ...place, functionName } : place
}

/** Whether a file exists. Source maps of a dependency may have names that mean nothing here. */
export function isKnownFile(file: string): boolean {
  // webpack's names for the modules of a bundle, with the name of the package that was bundled.
  const [isOfWebpack, name = ''] = /^webpack(?:-internal)?:\/\/((?:@[^/]*\/)?[^/]*)\//.exec(file) ?? []
  if (isOfWebpack === undefined) return existsSync(file)
  return name === '' || !existsSync(join('node_modules', name))
}

/**
 * With source maps enabled, Node.js maps the places of a stack, unless the application formats stacks itself, as Next.js
 * does. Where Node.js has mapped them, no place is left in a file that was made from others.
 */
function sourceOf(place: Frame): Frame {
  // Other runtimes may lack it.
  const map = Module.findSourceMap?.(place.file)
  if (map === undefined) return place
  const { originalSource, originalLine, originalColumn } = map.findEntry(
    place.line - 1,
    place.column - 1,
  ) as Partial<Module.SourceMapping>
  if (originalSource === undefined || originalLine === undefined || originalColumn === undefined) return place
  const file = filePath(originalSource)
  return file === place.file ? place : { file, line: originalLine + 1, column: originalColumn + 1 }
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
