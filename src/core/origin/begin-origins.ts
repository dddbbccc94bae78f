import { type CapturedStack, type Frame, type Origin, originOf } from './origin.ts'
import { placeKey } from './stack-text.ts'

/** So many pairs of stacks are read first, and at a time, because formatting one costs as much as twenty checkouts. */
const firstRead = 50
const readAtATime = 2
/** Sweeps between two such times as long as they show nothing new, at most. */
const longestPause = 25
/** A limit of memory, for programs that check clients out at many lines. */
const mostLines = 500

/**
 * The lines of one pool's BEGIN statements, by the line of the checkout. Where a function checks a client out and sends
 * BEGIN itself, the one line says the other: the stack of each BEGIN, half the cost of a transaction, is not needed.
 */
export class BeginOrigins {
  readonly #lines = new Map<string, Origin>()
  #areFixed = true
  #read = 0
  #readsLeft = firstRead
  #pause = 0
  #untilRead = 0

  /** Whether the line of the checkout says the line of BEGIN, in all pairs of stacks that were read so far. */
  get areFixed(): boolean {
    return this.#areFixed && this.#read >= firstRead
  }

  /** The stacks of a BEGIN and of its checkout. */
  see(opener: CapturedStack, caller: CapturedStack | undefined): void {
    if (!this.#areFixed || this.#readsLeft === 0 || caller === undefined) return
    const line = originOf(caller)
    if (line === undefined) return
    this.#readsLeft -= 1
    this.#read += 1
    const begun = originOf(opener)
    const key = placeKey(line)
    const known = this.#lines.get(key)
    const isOther = begun !== undefined && known !== undefined && placeKey(known) !== placeKey(begun)
    if (begun === undefined || !areInOneFunction(line, begun) || isOther) {
      this.#areFixed = false
      this.#lines.clear()
    } else if (known === undefined) this.#learn(key, begun)
  }

  /** The line where other transactions of the checkouts from a line have begun; undefined if it is not known. */
  usualOf(caller: CapturedStack | undefined): Origin | undefined {
    const line = originOf(caller)
    return line && this.#lines.get(placeKey(line))
  }

  sweep(): void {
    if (this.#readsLeft > 0) return
    if (this.#untilRead > 0) {
      this.#untilRead -= 1
      return
    }
    this.#readsLeft = readAtATime
    this.#pause = Math.min(longestPause, 2 * this.#pause + 1)
    this.#untilRead = this.#pause
  }

  #learn(key: string, { file, line, column, functionName }: Origin): void {
    this.#pause = 0
    this.#untilRead = 0
    if (this.#lines.size >= mostLines) this.#lines.clear()
    const frame: Frame = { file, line, column, ...(functionName === undefined ? {} : { functionName }) }
    this.#lines.set(key, { ...frame, frames: [frame], isUsual: true })
  }
}

/** As far as names say: functions without one count as the same. */
function areInOneFunction(one: Frame, other: Frame): boolean {
  return one.file === other.file && one.functionName === other.functionName
}
