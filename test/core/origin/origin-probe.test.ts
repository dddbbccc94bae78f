import { describe, expect, it } from 'vitest'
import { type CapturedStack, captureStack, originOf } from '../../../src/core/origin/origin.ts'
import { OriginProbe } from '../../../src/core/origin/origin-probe.ts'

type Capture = () => CapturedStack

const below: (depth: number, capture: Capture) => ReturnType<Capture> =
  // biome-ignore lint/security/noGlobalEval: the only way to a frame in a file of somebody else
  globalThis.eval(`(function below(depth, capture) { return depth === 0 ? capture() : below(depth - 1, capture) })
//# sourceURL=/app/node_modules/orm/index.js`)

/** A stack that the probe has seen. */
function seen(probe: OriginProbe): CapturedStack {
  const stack = captureStack()
  probe.see(stack)
  return stack
}

/** Captures below so many frames of a dependency, as an ORM puts them between the user and the pool. */
function captureBelow(probe: OriginProbe, frames: number): ReturnType<Capture> {
  const stack = below(frames, captureStack)
  probe.see(stack)
  return stack
}

/** Captures where no frame of the user's is left. */
function loseUser(probe: OriginProbe): void {
  probe.see(below(60, captureStack))
}

describe('the stacks of a pool', () => {
  it('reach the user at the first checkout', () => {
    expect(originOf(seen(new OriginProbe()))?.file).toBe(import.meta.filename)
  })

  it('reach the user of an ORM at any checkout, however near the others were', () => {
    const probe = new OriginProbe()
    for (let checkout = 0; checkout < 600; checkout++) {
      if (checkout % 37 === 0) {
        expect(originOf(captureBelow(probe, 20))).toMatchObject({
          file: import.meta.filename,
          functionName: 'captureBelow',
        })
      }
      seen(probe)
    }
  })
})

describe('a pool whose stacks lose the user', () => {
  it('is known by one of its first checkouts', () => {
    const probe = new OriginProbe()
    for (let checkout = 0; checkout < 10; checkout++) seen(probe)
    expect(probe.losesUser).toBe(false)
    loseUser(probe)
    expect(probe.losesUser).toBe(true)
  })

  it('is known in the end, if it is one checkout in ten', () => {
    const probe = new OriginProbe()
    for (let checkout = 0; checkout < 100; checkout++) seen(probe)
    for (let checkout = 0; checkout < 10_000 && !probe.losesUser; checkout++) {
      if (checkout % 10 === 0) loseUser(probe)
      else seen(probe)
    }
    expect(probe.losesUser).toBe(true)
  })

  it('stays known', () => {
    const probe = new OriginProbe()
    loseUser(probe)
    for (let checkout = 0; checkout < 1000; checkout++) seen(probe)
    expect(probe.losesUser).toBe(true)
  })
})
