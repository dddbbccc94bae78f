import { afterEach, expect, it, vi } from 'vitest'
import { eventually } from './eventually.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('tries again until the attempt succeeds, and gives its result', async () => {
  let attempts = 0
  const result = await eventually(() => {
    attempts += 1
    expect(attempts).toBeGreaterThan(2)
    return 'done'
  })
  expect(result).toBe('done')
  expect(attempts).toBe(3)
})

it('throws the last failure when the time is over', async () => {
  let attempts = 0
  const failing = eventually(
    () => {
      attempts += 1
      throw new Error(`attempt ${attempts}`)
    },
    { withinMillis: 1_000 },
  )
  await expect(failing).rejects.toThrow(/^attempt \d+$/)
  expect(attempts).toBeGreaterThan(1)
})

it('does not wait for an attempt that hangs, and tells what failed before it', async () => {
  let attempts = 0
  const hanging = eventually(
    async () => {
      attempts += 1
      if (attempts === 1) throw new Error('not yet')
      await new Promise(() => {})
    },
    { withinMillis: 1_000 },
  )
  await expect(hanging).rejects.toThrow('not yet')
  await expect(eventually(() => new Promise(() => {}), { withinMillis: 50 })).rejects.toThrow('within 50 ms')
})

it('goes by the real time under a fake clock', async () => {
  vi.useFakeTimers()
  let attempts = 0
  await eventually(() => {
    attempts += 1
    expect(attempts).toBe(3)
  })
  await expect(eventually(() => Promise.reject(new Error('never')), { withinMillis: 50 })).rejects.toThrow(
    'never',
  )
})
