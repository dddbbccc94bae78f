import { existsSync } from 'node:fs'
import { join, sep } from 'node:path'
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

/** The first frame that belongs to the user: not a dependency, not Node.js, not this package. */
export interface Origin extends Frame {
  /** That frame and its callers, including dependencies, at most ten. */
  readonly frames: readonly Frame[]
}

/** A stack that was recorded but not yet formatted, which is the expensive part. */
export interface CapturedStack {
  readonly stack?: unknown
}

/** ORMs have up to eighteen frames between the user and the pool. A shorter stack costs no more. */
export const deepStack = 30
/** Enough for `BEGIN`, which is sent by the user or a thin layer; its line is only additional. */
export const shallowStack = 6

const framePattern = /^\s+at (?:async )?(?:(.*?) \()?((?:file:\/\/|[a-z]:\\|\/|\w+:\/\/).*?):(\d+):(\d+)\)?$/i

// The same code runs from its source, from a part of the package, and from a bundle of an application: the stack says
// which.
const [, ownRoot] =
  /^(.*[/\\])(?:src[/\\]core[/\\]origin[/\\]origin\.ts|dist[/\\]cjs[/\\]pg-lifeguard\.js)$/.exec(
    fileOfTopFrame(),
  ) ?? []
/** In a bundle the folders around this code are the user's. */
const isBundled = ownRoot === undefined
// Source maps lead from `dist` to `src`.
const ownFolders = isBundled ? [] : ['src', 'dist'].map((folder) => join(ownRoot, folder, sep))

/**
 * Sets the number of frames that new errors record, and returns the previous number. For each checkout, the error is
 * created between two calls of this, directly in the function that the user calls, because each further frame of this
 * package costs as much as a frame of the application.
 */
export function setStackDepth(depth: number): number {
  const before = Error.stackTraceLimit
  // An assignment would throw if the intrinsics are frozen.
  Reflect.set(Error, 'stackTraceLimit', depth)
  return before
}

/** Captures the present stack; for rare events. */
export function captureStack(): CapturedStack {
  const before = setStackDepth(deepStack)
  const captured = new Error()
  setStackDepth(before)
  return captured
}

/** Whether the stack has a frame in such a file, usually one of a dependency. */
export function passesThrough(captured: CapturedStack, file: RegExp): boolean {
  return file.test(readStack(captured))
}

/** The user's line, from the first stack that has one. */
export function originOf(...stacks: readonly (CapturedStack | undefined)[]): Origin | undefined {
  for (const captured of stacks) {
    const origin = captured === undefined ? undefined : originIn(readStack(captured))
    if (origin !== undefined) return origin
  }
  return undefined
}

/** The size of the cache: tags and statistics need a line per checkout, and a program has few different ones. */
const mostRemembered = 200
const remembered = new Map<string, Origin | undefined>()

function originIn(stack: string): Origin | undefined {
  if (remembered.has(stack)) return remembered.get(stack)
  const frames = parseFrames(stack)
  const first = firstUserFrame(frames)
  const origin =
    first === -1 ? undefined : { ...(frames[first] as Frame), frames: frames.slice(first, first + 10) }
  if (remembered.size >= mostRemembered) remembered.clear()
  remembered.set(stack, origin)
  return origin
}

/** `file:line:column`, the file relative to the working directory where it is below it. */
export function describeFrame(frame: Frame, workingDirectory = process.cwd()): string {
  return `${relativeFile(frame.file, workingDirectory)}:${frame.line}:${frame.column}`
}

function relativeFile(file: string, folder: string): string {
  const prefix =
    folder.endsWith('/') || folder.endsWith('\\') ? folder : folder + (folder.includes('\\') ? '\\' : '/')
  return file.startsWith(prefix) ? file.slice(prefix.length) : file
}

function readStack(captured: CapturedStack): string {
  try {
    // Formatting runs `Error.prepareStackTrace`, which may be the code of a source-map tool.
    const { stack } = captured
    return Array.isArray(stack) ? stack.map((site) => `    at ${site}`).join('\n') : String(stack)
  } catch {
    return ''
  }
}

function parseFrames(stack: string): Frame[] {
  const frames: Frame[] = []
  const lines = stack.split('\n')
  // The function that records the stack is its first frame; in a bundle nothing else identifies it.
  if (isBundled) lines.splice(0, lines.findIndex((text) => /^\s+at /.test(text)) + 1)
  for (const text of lines) {
    const match = text.includes('(eval at ') ? null : framePattern.exec(text)
    if (match === null) continue
    const [, functionName, location, line, column] = match
    const file = filePath(location as string)
    if (ownFolders.some((folder) => file.startsWith(folder))) continue
    const frame = { file, line: Number(line), column: Number(column) }
    frames.push(functionName ? { ...frame, functionName } : frame)
  }
  return frames
}

function fileOfTopFrame(): string {
  const text =
    readStack(captureStack())
      .split('\n')
      .find((line) => /^\s+at /.test(line)) ?? ''
  const [, , location = ''] = framePattern.exec(text) ?? []
  return filePath(location)
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

function firstUserFrame(frames: readonly Frame[]): number {
  const first = frames.findIndex(isUserFrame)
  if (first === -1 || existsSync((frames[first] as Frame).file)) return first
  // Source maps of a dependency may refer to files outside `node_modules` that do not exist here.
  const known = frames.findIndex((frame) => isUserFrame(frame) && existsSync(frame.file))
  return known === -1 ? first : known
}

/** The user's own frames of a stack, from the origin outwards. */
export function userFrames(origin: Origin): readonly Frame[] {
  return origin.frames.filter(isUserFrame)
}

function isUserFrame(frame: Frame): boolean {
  return !/[\\/]node_modules[\\/]/.test(frame.file)
}
