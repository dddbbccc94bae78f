import { type CapturedStack, type Frame, type Origin, originOf } from './origin.ts'
import { enoughRead, StackSampler } from './stack-sampler.ts'
import { placeKey } from './stack-text.ts'

/** A limit of memory, for programs that check clients out at many lines. */
const mostLines = 500

/**
 * The lines of one pool's BEGIN statements, by the line of the checkout. Where a function checks a client out and sends
 * BEGIN itself, the one line says the other; where a library sends BEGIN, its stack may never reach the user. Then the
 * stack of each BEGIN, half the cost of a transaction, is not needed.
 */
export class BeginOrigins {
  readonly #lines = new Map<string, Origin | 'none'>()
  readonly #sampler = new StackSampler()
  #areFixed = true
  #read = 0

  /** Whether the line of the checkout says the line of BEGIN, or that it has none, in all pairs of stacks read so far. */
  get areFixed(): boolean {
    return this.#areFixed && this.#read >= enoughRead
  }

  /** The stacks of a BEGIN and of its checkout. */
  see(opener: CapturedStack, caller: CapturedStack | undefined): void {
    if (!this.#areFixed || caller === undefined || !this.#sampler.take()) return
    const line = originOf(caller)
    if (line === undefined) return
    this.#read += 1
    const begun = originOf(opener)
    const key = placeKey(line)
    const known = this.#lines.get(key)
    if ((begun && !areInOneFunction(line, begun)) || (known !== undefined && !isSame(known, begun))) {
      this.#areFixed = false
      this.#lines.clear()
    } else if (known === undefined) this.#learn(key, begun)
  }

  /** The line where other transactions of the checkouts from a line have begun; undefined if it is not known. */
  usualOf(caller: CapturedStack | undefined): Origin | undefined {
    const line = originOf(caller)
    const known = line && this.#lines.get(placeKey(line))
    return known === 'none' ? undefined : known
  }

  sweep(): void {
    this.#sampler.sweep()
  }

  #learn(key: string, begun: Origin | undefined): void {
    this.#sampler.quicken()
    if (this.#lines.size >= mostLines) this.#lines.clear()
    this.#lines.set(key, begun === undefined ? 'none' : usual(begun))
  }
}

function usual({ file, line, column, functionName }: Origin): Origin {
  const frame: Frame = { file, line, column, ...(functionName === undefined ? {} : { functionName }) }
  return { ...frame, frames: [frame], isUsual: true }
}

function isSame(known: Origin | 'none', begun: Origin | undefined): boolean {
  if (known === 'none' || begun === undefined) return known === 'none' && begun === undefined
  return placeKey(known) === placeKey(begun)
}

/** As far as names say: functions without one count as the same. */
function areInOneFunction(one: Frame, other: Frame): boolean {
  return one.file === other.file && one.functionName === other.functionName
}
