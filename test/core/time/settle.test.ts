import { describe, expect, it } from 'vitest'
import { settle } from '../../../src/core/time/settle.ts'

describe('settling', () => {
  it('ends as soon as nothing is pending', async () => {
    let asked = 0
    await settle(() => ++asked < 4, 60_000)
    expect(asked).toBe(4)
  })

  it('ends at once if nothing is pending', async () => {
    let turned = false
    setImmediate(() => {
      turned = true
    })
    await settle(() => false, 60_000)
    expect(turned).toBe(false)
  })

  it('ends when its patience is over', async () => {
    await settle(() => true, 20)
  })

  it('does not count a pause of the process, in which nothing could end well', async () => {
    let pending = true
    setTimeout(() => {
      pending = false
    }, 3)
    const settled = settle(() => pending, 20)
    const until = performance.now() + 60
    while (performance.now() < until);
    await settled
    expect(pending).toBe(false)
  })
})
