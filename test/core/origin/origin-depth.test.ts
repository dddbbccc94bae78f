import { describe, expect, it } from 'vitest'
import { type CapturedStack, deepStack, originOf, setStackDepth } from '../../../src/core/origin/origin.ts'
import { OriginDepth } from '../../../src/core/origin/origin-depth.ts'

type Capture = () => CapturedStack

const below: (depth: number, capture: Capture) => CapturedStack =
  // biome-ignore lint/security/noGlobalEval: the only way to a frame in a file of somebody else
  globalThis.eval(`(function below(depth, capture) { return depth === 0 ? capture() : below(depth - 1, capture) })
//# sourceURL=/app/node_modules/orm/index.js`)

const connect: Capture =
  // biome-ignore lint/security/noGlobalEval: the same
  globalThis.eval(`(function connect() { return new Error() })
//# sourceURL=/app/node_modules/pool/index.js`)

/** A stack of the depth that is asked for; \`call\` calls the pool. */
function record(depths: OriginDepth, call: Capture = connect, isDeep = false): CapturedStack {
  const before = setStackDepth(depths.next(isDeep))
  const stack = call()
  setStackDepth(before)
  depths.see(stack)
  return stack
}

const direct = (depths: OriginDepth) => record(depths)
const throughOrm = (depths: OriginDepth) => record(depths, () => below(20, connect))
const lost = (depths: OriginDepth) => record(depths, () => below(60, connect))
const lines = (stack: CapturedStack) => String(stack.stack).split('\n').length - 1

function settled(): OriginDepth {
  const depths = new OriginDepth(deepStack)
  for (let checkout = 0; checkout < 1000; checkout += 1) direct(depths)
  return depths
}

describe('the stacks of a pool', () => {
  it('are deep at first, and as short as the line allows after a thousand', () => {
    const depths = new OriginDepth(deepStack)
    for (let checkout = 0; checkout < 1000; checkout += 1) {
      expect(lines(direct(depths))).toBeGreaterThan(4)
    }
    expect(depths.isShallow).toBe(true)
    expect(lines(direct(depths))).toBeLessThanOrEqual(4)
    expect(originOf(direct(depths))?.file).toBe(import.meta.filename)
  })

  it('are deep again after each sweep, so that those of a quiet pool all are', () => {
    const depths = settled()
    for (let sweep = 0; sweep < 5; sweep += 1) {
      depths.sweep()
      for (let checkout = 0; checkout < 10; checkout += 1) expect(lines(direct(depths))).toBeGreaterThan(4)
      expect(lines(direct(depths))).toBeLessThanOrEqual(4)
    }
  })

  it('are deep again after a finding, so that the same mistake shows its callers', () => {
    const depths = settled()
    expect(lines(direct(depths))).toBeLessThanOrEqual(4)
    depths.deepen()
    depths.sweep()
    for (let checkout = 0; checkout < 1000; checkout += 1) expect(lines(direct(depths))).toBeGreaterThan(4)
    expect(lines(direct(depths))).toBeLessThanOrEqual(4)
  })

  it('are deep wherever a caller asks for it', () => {
    const depths = settled()
    expect(lines(record(depths, connect, true))).toBeGreaterThan(4)
    expect(lines(direct(depths))).toBeLessThanOrEqual(4)
  })

  it('stay deep behind a library', () => {
    const depths = new OriginDepth(deepStack)
    for (let checkout = 0; checkout < 100; checkout += 1) {
      const place = originOf(throughOrm(depths))
      expect(place).toMatchObject({ file: import.meta.filename })
    }
    expect(depths.isShallow).toBe(false)
    expect(depths.losesUser).toBe(false)
  })

  it('are all deep soon after a library is between', () => {
    const depths = settled()
    depths.sweep()
    for (let sweep = 0; sweep < 60 && depths.isShallow; sweep += 1) {
      expect(originOf(throughOrm(depths))).toMatchObject({ file: import.meta.filename })
      depths.sweep()
    }
    expect(depths.isShallow).toBe(false)
  })

  it('are deep for good once one was too short', () => {
    const depths = settled()
    depths.raise()
    for (let checkout = 0; checkout < 1000; checkout += 1) {
      expect(depths.isShallow).toBe(false)
      expect(depths.next()).toBe(deepStack)
    }
  })
})

describe('a pool whose stacks lose the user', () => {
  it('is known by one of its first checkouts', () => {
    const depths = new OriginDepth(deepStack)
    for (let checkout = 0; checkout < 10; checkout += 1) direct(depths)
    expect(depths.losesUser).toBe(false)
    lost(depths)
    expect(depths.losesUser).toBe(true)
  })

  it('is known in the end, if it is one checkout in ten', () => {
    const depths = settled()
    for (let checkout = 0; checkout < 20_000 && !depths.losesUser; checkout += 1) {
      if (checkout % 10 === 0) lost(depths)
      else direct(depths)
      if (checkout % 7 === 0) depths.sweep()
    }
    expect(depths.losesUser).toBe(true)
  })

  it('is known soon, once one was too short', () => {
    const depths = settled()
    depths.raise()
    lost(depths)
    expect(depths.losesUser).toBe(true)
  })

  it('stays known', () => {
    const depths = new OriginDepth(deepStack)
    lost(depths)
    for (let checkout = 0; checkout < 1000; checkout += 1) direct(depths)
    expect(depths.losesUser).toBe(true)
  })
})
