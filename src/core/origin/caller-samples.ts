import { type Frame, placeKey } from './stack-text.ts'

type Chain = readonly Frame[]

/** Limits of memory: lines whose callers are known, and different ways to one line. */
const mostLines = 200
const mostWays = 4
const framesOfWay = 3

/** The ways to one line, the last seen first. */
interface Ways {
  chains: Chain[]
  /** There were more than are kept. */
  isCut: boolean
}

/** The callers of lines that deep stacks have shown, by the line. */
const known = new Map<string, Ways>()

/** Remembers the callers in a deep stack, from the user's line on. Returns whether they are new. */
export function learnCallers(chain: Chain): boolean {
  const [line] = chain
  if (line === undefined) return false
  const key = placeKey(line)
  const ways = known.get(key) ?? { chains: [], isCut: false }
  const way = wayOf(chain)
  const others = ways.chains.filter((other) => wayOf(other) !== way)
  const isNew = others.length === ways.chains.length
  if (isNew && known.size >= mostLines && !known.has(key)) known.clear()
  ways.chains = [chain, ...others.slice(0, mostWays - 1)]
  ways.isCut ||= others.length >= mostWays
  known.set(key, ways)
  return isNew
}

/**
 * The callers of a short stack, by deep stacks that begin with the same frames; undefined if there is none. `vary`: those
 * stacks differ, so that these callers may be the callers of another checkout.
 */
export function callersOf(start: Chain): { readonly frames: Chain; readonly vary: boolean } | undefined {
  const [line] = start
  const ways = line === undefined ? undefined : known.get(placeKey(line))
  const alike = ways?.chains.filter((chain) => startsWith(chain, start)) ?? []
  const [last] = alike
  if (last === undefined) return undefined
  return { frames: last, vary: alike.length > 1 || ways?.isCut === true }
}

/** The user's own frames, as far as reports tell leaks apart by them: a framework's differ from call to call. */
function wayOf(chain: Chain): string {
  const own = chain.filter(({ file }) => !/[\\/]node_modules[\\/]|^node:/.test(file))
  return own.slice(0, framesOfWay).map(placeKey).join('\n')
}

function startsWith(chain: Chain, start: Chain): boolean {
  return start.every((frame, index) => {
    const other = chain[index]
    return other !== undefined && placeKey(frame) === placeKey(other)
  })
}
