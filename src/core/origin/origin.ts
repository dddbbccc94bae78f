import { callersOf, learnCallers } from './caller-samples.ts'
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
  /**
   * Set if `frames` beyond the first are those of another checkout from the same line, because this one was recorded
   * with that line only. True if other checkouts have had different callers.
   */
  readonly callersVary?: boolean
  /**
   * True for a `transactionOrigin` that was not recorded: other transactions, of checkouts from the same line, began
   * there.
   */
  readonly isUsual?: boolean
}

/** ORMs have up to eighteen frames between the user and the pool. A shorter stack costs no more. */
export const deepStack = 30
/** Enough for `BEGIN`, which is sent by the user or a thin layer; its line is only additional. */
export const shallowStack = 6
/** The frames of a stack where the user's line is close: that of this package, and few others. */
export const mostNeeded = 4

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
    if (captured === undefined) continue
    const { origin, lines } = readOrigin(captured)
    if (origin !== undefined) return mayBeCut(captured, lines) ? withCallers(origin) : origin
  }
  return undefined
}

/** The size of the cache: tags and statistics need a line per checkout, and a program has few different ones. */
const mostRemembered = 200
const remembered = new Map<string, ReadStack>()

/** The number of frames that reach the user's line; infinity if the stack does not reach it. */
export function framesToUser(captured: CapturedStack): number {
  return readOrigin(captured).depth
}

export function reachesUser(captured: CapturedStack): boolean {
  return framesToUser(captured) !== Number.POSITIVE_INFINITY
}

/** Whether a stack may have been cut right after the user's line. */
export function isShort(captured: CapturedStack): boolean {
  return mayBeCut(captured, readOrigin(captured).lines)
}

/** Remembers the callers in a deep stack, for short ones from the same line. Returns whether they are new. */
export function hasDifferentCallers(captured: CapturedStack): boolean {
  const { origin, lines } = readOrigin(captured)
  return origin !== undefined && !mayBeCut(captured, lines) && learnCallers(origin.frames)
}

function mayBeCut({ carried }: CapturedStack, lines: number): boolean {
  return carried === undefined ? lines <= mostNeeded : carried < deepStack && lines <= carried
}

interface ReadStack {
  readonly origin: Origin | undefined
  /** The position of the user's line in the stack, from 1. */
  readonly depth: number
  /** The number of frames. */
  readonly lines: number
}

function readOrigin(captured: CapturedStack): ReadStack {
  const stack = readStack(captured)
  const known = remembered.get(stack)
  if (known !== undefined) return known
  const lines = stackLines({ stack })
  const frames = parseFrames(lines)
  const first = firstUserFrame(frames)
  const found = frames[first]
  const frameList = frames.slice(Math.max(0, first), first + 10).map(({ frame }) => frame)
  const read: ReadStack = {
    origin: found === undefined ? undefined : { ...found.frame, frames: frameList },
    depth: found === undefined ? Number.POSITIVE_INFINITY : found.position,
    lines: lines.length,
  }
  if (remembered.size >= mostRemembered) remembered.clear()
  remembered.set(stack, read)
  return read
}

/** With the callers that deep stacks from the same line have shown. */
function withCallers(origin: Origin): Origin {
  const callers = callersOf(origin.frames)
  if (callers === undefined || callers.frames.length <= origin.frames.length) return origin
  return { ...origin, frames: callers.frames, callersVary: callers.vary }
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

interface PlacedFrame {
  readonly frame: Frame
  /** From 1, frames of this package included. */
  readonly position: number
}

function parseFrames(lines: readonly string[]): PlacedFrame[] {
  return lines.flatMap((line, index) => {
    // In a bundle, the function that records the stack may be one of those whose text is not known.
    const frame = isBundled && index === 0 ? undefined : parseFrame(line)
    return frame === undefined || isOwnCode(frame) ? [] : { frame, position: index + 1 }
  })
}

function firstUserFrame(frames: readonly PlacedFrame[]): number {
  const first = frames.findIndex(({ frame }) => isUserFrame(frame))
  const found = frames[first]
  if (found === undefined || isKnownFile(found.frame.file)) return first
  // Source maps of a dependency may refer to files outside `node_modules` that do not exist here.
  const known = frames.findIndex(({ frame }) => isUserFrame(frame) && isKnownFile(frame.file))
  return known === -1 ? first : known
}

/** The user's own frames of a stack, from the origin outwards. */
export function userFrames(origin: Origin): readonly Frame[] {
  return origin.frames.filter(isUserFrame)
}

function isUserFrame(frame: Frame): boolean {
  return !/[\\/]node_modules[\\/]/.test(frame.file)
}
