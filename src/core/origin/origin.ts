import { excludeInBundle, isBundled, isOwnCode } from './own-code.ts'
import {
  type CapturedStack,
  type Frame,
  isKnownFile,
  parseFrame,
  readStack,
  stackLines,
} from './stack-text.ts'

export type { CapturedStack, Frame } from './stack-text.ts'

/** The first frame that belongs to the user: not a dependency, not Node.js, not this package. */
export interface Origin extends Frame {
  /** That frame and its callers, including dependencies, at most ten. */
  readonly frames: readonly Frame[]
}

/** ORMs have up to eighteen frames between the user and the pool. A shorter stack costs no more. */
export const deepStack = 30
/** Enough for `BEGIN`, which is sent by the user or a thin layer; its line is only additional. */
export const shallowStack = 6

/**
 * Sets the number of frames that new errors record, and returns the previous number. For each checkout, the error is
 * created between two calls of this, directly in the function that the user calls, because each further frame of this
 * package costs as much as a frame of the application.
 */
export function setStackDepth(depth: number): number {
  const before = Error.stackTraceLimit
  try {
    // A plain assignment, because V8 makes it free; Reflect.set costs as much as two readings of the clock.
    Error.stackTraceLimit = depth
  } catch {
    // The intrinsics are frozen.
  }
  return before
}

/** Captures the present stack; for rare events. */
export function captureStack(): CapturedStack {
  const before = setStackDepth(deepStack)
  const captured = new Error()
  setStackDepth(before)
  return captured
}
excludeInBundle(captureStack)

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

function parseFrames(stack: string): Frame[] {
  const lines = stackLines({ stack })
  // In a bundle, the function that records the stack may be one of those whose text is not known.
  if (isBundled) lines.shift()
  return lines.map(parseFrame).filter((frame) => frame !== undefined && !isOwnCode(frame)) as Frame[]
}

function firstUserFrame(frames: readonly Frame[]): number {
  const first = frames.findIndex(isUserFrame)
  if (first === -1 || isKnownFile((frames[first] as Frame).file)) return first
  // Source maps of a dependency may refer to files outside `node_modules` that do not exist here.
  const known = frames.findIndex((frame) => isUserFrame(frame) && isKnownFile(frame.file))
  return known === -1 ? first : known
}

/** The user's own frames of a stack, from the origin outwards. */
export function userFrames(origin: Origin): readonly Frame[] {
  return origin.frames.filter(isUserFrame)
}

function isUserFrame(frame: Frame): boolean {
  return !/[\\/]node_modules[\\/]/.test(frame.file)
}
